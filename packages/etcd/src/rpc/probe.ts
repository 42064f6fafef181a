import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { splitEndpoint } from './sockets.js';

/**
 * A server that is spoken to in plain text and wants TLS (or the reverse) closes the connection, as a server does that
 * goes down. The first is a mistake that no retry corrects, so it is worth a separate question.
 */
const PROBE_MS = 2_000;

/** HTTP/2's connection preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)]);
/** A frame's fourth byte is its type. */
const SETTINGS = 4;

/** Whether a TLS handshake succeeds. Nothing is sent over it, and any certificate will do. */
export function speaksTls(endpoint: string, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const socket = connectTls({ ...splitEndpoint(endpoint), rejectUnauthorized: false });
  return answered(socket, signal, (yes) => socket.once('secureConnect', () => yes(true)));
}

/** Whether the server speaks HTTP/2 in plain text. */
export function speaksPlain(endpoint: string, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const socket = connectPlain(splitEndpoint(endpoint));
  socket.write(PREFACE);
  return answered(socket, signal, (yes) => socket.once('data', (frame: Buffer) => yes(frame[3] === SETTINGS)));
}

function answered(
  socket: Socket,
  signal: AbortSignal,
  listen: (answer: (yes: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const answer = (yes: boolean): void => {
      signal.removeEventListener('abort', giveUp);
      socket.destroy();
      resolve(yes);
    };
    const giveUp = (): void => answer(false);
    listen(answer);
    signal.addEventListener('abort', giveUp, { once: true });
    socket.setTimeout(PROBE_MS, giveUp);
    socket.on('error', giveUp);
    socket.on('close', giveUp);
  });
}
