import type { Socket } from 'node:net';
import { WatchError } from '@rollcall/core';

/** The most bytes that a client may send before it has a broker: far more than its first request. */
const EARLY_BYTES = 64 * 1024;

/** A client that has no broker yet. Its bytes are read meanwhile, because only reading shows that it has gone. */
export class WaitingClient {
  readonly #socket: Socket;
  readonly #over = new AbortController();
  readonly #early: Buffer[] = [];
  #bytes = 0;
  #gone = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('end', this.#onGone).on('close', this.#onGone);
  }

  /**
   * Aborts when there is nobody to wait for: the client ended the connection, or half-closed it before it got a byte,
   * or sent more than 64 KiB, which no Kafka client does before the first answer.
   */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether the client ended the wait itself. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Ends the wait and returns the bytes so far. The caller must read the rest at once. */
  take(): readonly Buffer[] {
    this.#socket.off('data', this.#onData).off('end', this.#onGone).off('close', this.#onGone);
    return this.#early;
  }

  #onData = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= EARLY_BYTES) return;
    this.#early.length = 0;
    this.#socket.pause();
    this.#over.abort(
      new WatchError('TOO_LARGE', `it sent more than ${EARLY_BYTES} bytes before there was a broker for it.`),
    );
  };

  #onGone = (): void => {
    this.#gone = true;
    this.#over.abort();
  };
}
