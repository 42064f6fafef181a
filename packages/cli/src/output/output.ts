import type { Writable } from 'node:stream';
import { LinkedAbort } from '@rollcall/core/internal';

/** How much is joined before it is written: one system call for many lines. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Standard output that makes its writers wait while the reader is slow, and tells when the reader went away. */
export class Output {
  readonly #stream: Writable;
  readonly #gone = new AbortController();
  /** Aborted when the command was told to end, or when nobody reads any more. */
  readonly ended: AbortSignal;
  #failure: NodeJS.ErrnoException | undefined;

  /** @param signal the command is told to end. */
  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream;
    this.ended = new LinkedAbort(signal, this.#gone.signal).signal;
    // It stays: an EPIPE that comes late must still find a listener, or it ends the process.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A closed pipe, as of `rollcall tail … | head`, is not an error.
      if (error.code !== 'EPIPE') this.#failure ??= error;
      this.#gone.abort();
    });
  }

  /** Why nothing more could be written, when that was not the reader's will. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Resolves when the stream takes more.
   * @param ahead how much may wait in memory for a slow reader, bytes, before this waits for him.
   */
  async write(data: string | Uint8Array, ahead = 0): Promise<void> {
    if (this.ended.aborted) return;
    this.#stream.write(data);
    await this.#room(ahead);
  }

  /** Writes each as a line. Waits in between, so that a large state is not copied into memory as a whole. */
  async lines(lines: Iterable<string>, ahead = 0): Promise<void> {
    let chunk = '';
    for (const line of lines) {
      chunk += `${line}\n`;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      await this.write(chunk, ahead);
      chunk = '';
    }
    if (chunk !== '') await this.write(chunk, ahead);
  }

  /** Resolves when all that was written is with the system, or cannot be. */
  async flush(): Promise<void> {
    if (this.ended.aborted || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
  }

  /** Resolves when the stream takes more, or when waiting is over. */
  #room(ahead: number): Promise<void> {
    const { writableNeedDrain, writableLength } = this.#stream;
    if (!writableNeedDrain || writableLength <= ahead || this.ended.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', done);
        this.ended.removeEventListener('abort', done);
        resolve();
      };
      this.#stream.on('drain', done);
      this.ended.addEventListener('abort', done, { once: true });
    });
  }
}
