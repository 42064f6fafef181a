import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * A socket that is returned before it is connected, while the broker is still being asked for its cluster. What the
 * client writes waits; the client sees neither the question nor its answer.
 */
export class LateSocket extends Duplex {
  readonly #open: (signal: AbortSignal) => Promise<Socket>;
  readonly #given = new AbortController();
  #socket: Socket | undefined;
  #held = true;

  /** @param open makes the connection; its error becomes this socket's. */
  constructor(open: (signal: AbortSignal) => Promise<Socket>) {
    // A socket's default: when the peer has ended, this side ends, too.
    super({ allowHalfOpen: false });
    this.#open = open;
  }

  /** As a socket's `unref`: lets the process end. */
  unref(): this {
    this.#held = false;
    this.#socket?.unref();
    return this;
  }

  /** An end before the connection, with nothing written: the client has given up, so the dial ends, too. */
  override end(cb?: () => void): this;
  override end(chunk: unknown, cb?: () => void): this;
  override end(chunk: unknown, encoding?: BufferEncoding, cb?: () => void): this;
  override end(...last: unknown[]): this {
    super.end(...(last as []));
    if (this.#socket === undefined && this.writableLength === 0) this.destroy();
    return this;
  }

  override destroy(error?: Error): this {
    // A stream under construction is destroyed only when the construction is over.
    this.#given.abort(error);
    return super.destroy(error);
  }

  override _construct(callback: (error?: Error | null) => void): void {
    // One turn of the event loop later, when the constructors have returned.
    Promise.resolve()
      .then(() => this.#open(this.#given.signal))
      .then(
        (socket) => {
          this.#attach(socket);
          callback();
          if (!this.destroyed) this.emit('connect');
        },
        // The client gave the socket up, and wants no error.
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
    // After an orderly end, received bytes still have to be read.
    socket.on('close', () => {
      if (!socket.readableEnded) this.destroy();
    });
    socket.pause();
  }
}
