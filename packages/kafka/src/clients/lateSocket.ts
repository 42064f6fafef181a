import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * A socket for a client that wants one at once, while what it is to be connected to is still being asked who it is:
 * what the client writes waits, and it sees nothing of the question and its answer.
 */
export class LateSocket extends Duplex {
  readonly #open: (signal: AbortSignal) => Promise<Socket>;
  readonly #given = new AbortController();
  #socket: Socket | undefined;
  #held = true;

  /** @param open connects; its error is this socket's. */
  constructor(open: (signal: AbortSignal) => Promise<Socket>) {
    // As a socket's own default: when the peer has ended, so does this side.
    super({ allowHalfOpen: false });
    this.#open = open;
  }

  /** The process need not stay for it: as of a socket. */
  unref(): this {
    this.#held = false;
    this.#socket?.unref();
    return this;
  }

  /** Before it is connected, and with nothing to say: whoever wanted it has given up, and the dial ends with it. */
  override end(cb?: () => void): this;
  override end(chunk: unknown, cb?: () => void): this;
  override end(chunk: unknown, encoding?: BufferEncoding, cb?: () => void): this;
  override end(...last: unknown[]): this {
    super.end(...(last as []));
    if (this.#socket === undefined && this.writableLength === 0) this.destroy();
    return this;
  }

  override destroy(error?: Error): this {
    // A stream that is being constructed is destroyed only when that is over.
    this.#given.abort(error);
    return super.destroy(error);
  }

  override _construct(callback: (error?: Error | null) => void): void {
    // A turn later, when the constructors are through.
    Promise.resolve()
      .then(() => this.#open(this.#given.signal))
      .then(
        (socket) => {
          this.#attach(socket);
          callback();
          if (!this.destroyed) this.emit('connect');
        },
        // Whoever gave it up wants no error.
        (error: Error) => callback(this.#given.signal.aborted ? null : error),
      );
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket?.write(chunk, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket?.end(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket?.destroy();
    callback(error);
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    if (!this.#held) socket.unref();
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    // After an orderly end what was received is still to be read.
    socket.on('close', () => {
      if (!socket.readableEnded) this.destroy();
    });
    socket.pause();
  }
}
