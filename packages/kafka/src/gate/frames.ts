import type { Duplex } from 'node:stream';
import { AnswerError } from './answerError.js';

/** The largest answer that is read, bytes: room for thousands of brokers. */
const LARGEST_FRAME = 1024 * 1024;

/**
 * Reads one answer and returns it without its length. Bytes after it stay in the stream, and no listener stays on it.
 * @throws AnswerError BAD_RESPONSE or TLS when that cannot be Kafka's, ENDED; the stream's error; the signal's reason.
 */
export async function readFrame(stream: Duplex, signal: AbortSignal): Promise<Buffer> {
  const head = await read(stream, 4, signal);
  if (head.toString('latin1') === 'HTTP') throw new AnswerError('it speaks HTTP');
  if (isTls(head)) throw new AnswerError('it speaks TLS: give "tls"', 'TLS');
  const length = head.readInt32BE();
  if (length < 0 || length > LARGEST_FRAME) throw new AnswerError(`its answer would be ${length} bytes long`);
  return length === 0 ? Buffer.alloc(0) : read(stream, length, signal);
}

/** The first bytes of a TLS record (RFC 8446, 5.1): a TLS listener answers plain text with an alert. */
function isTls([type = 0, major, minor = 255]: Buffer): boolean {
  return type >= 20 && type <= 23 && major === 3 && minor <= 4;
}

function read(stream: Duplex, size: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      stream.off('readable', look).off('end', ended).off('close', ended).off('error', fail);
      signal.removeEventListener('abort', aborted);
      settle();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const ended = (): void => fail(stream.errored ?? new AnswerError('it ended the connection', 'ENDED'));
    const aborted = (): void => fail(signal.reason);
    const look = (): void => {
      const bytes = stream.read(size) as Buffer | null;
      if (bytes === null) return;
      // At its end a stream returns fewer bytes than asked for.
      if (bytes.length < size) ended();
      else finish(() => resolve(bytes));
    };
    if (signal.aborted) return reject(signal.reason);
    if (stream.destroyed || stream.readableEnded) return ended();
    stream.on('readable', look).on('end', ended).on('close', ended).on('error', fail);
    signal.addEventListener('abort', aborted, { once: true });
    look();
  });
}
