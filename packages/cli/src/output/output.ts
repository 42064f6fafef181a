import type { Writable } from 'node:stream';
import { LinkedAbort } from '@rollcall/core/internal';

/** How many characters are joined before they are written: one system call for many lines. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Standard output. Writers wait while the reader is slow, and learn when the reader has gone. */
export class Output {
  readonly #stream: Writable;
  readonly #gone = new AbortController();
  /** Aborts when the command is ended, or when nobody reads any more. */
  readonly ended: AbortSignal;
  #failure: NodeJS.ErrnoException | undefined;

  /** @param signal aborts when the command is ended. */
  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream;
    this.ended = new LinkedAbort(signal, this.#gone.signal).signal;
    // This listener is never removed: a late EPIPE without one would end the process.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A closed pipe, as of `rollcall tail … | head`, is not an error.
      if (error.code !== 'EPIPE') this.#failure ??= error;
      this.#gone.abort();
    });
  }

  /** The error of writing, unless the reader just closed the pipe. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Resolves when the stream takes more.
   * @param ahead how many bytes may wait in memory for a slow reader before this waits.
   */
  async write(data: string | Uint8Array, ahead = 0): Promise<void> {
    if (this.ended.aborted) return;
    this.#stream.write(data);
    await this.#room(ahead);
  }

  /** Writes each text as a line. It waits in between, so that a large state is not copied as a whole. */
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

  /** Resolves when the system has taken everything, or cannot. */
  async flush(): Promise<void> {
    if (this.ended.aborted || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
  }

  /** Resolves when the stream takes more, or the signal aborts. */
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
