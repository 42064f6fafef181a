import type { Socket } from 'node:net';

/** How much a client may say before it has a broker, bytes: far more than its first request. */
const EARLY_BYTES = 64 * 1024;

/** A client that has no broker yet. It is read meanwhile, because only reading shows that it has gone. */
export class WaitingClient {
  readonly #socket: Socket;
  readonly #gone = new AbortController();
  readonly #early: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('end', this.#onGone).on('close', this.#onGone);
  }

  /** Aborted when the client ends the connection. One that only ends its half has heard nothing yet, and wants nothing. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Ends the wait, and gives what it said; what it says from now on is the caller's to read, at once. */
  take(): readonly Buffer[] {
    this.#socket.off('data', this.#onData).off('end', this.#onGone).off('close', this.#onGone);
    return this.#early;
  }

  #onData = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= EARLY_BYTES) this.#socket.pause();
  };

  #onGone = (): void => this.#gone.abort();
}
