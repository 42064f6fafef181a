import { type ClientRequest, type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { type Timing, WatchError } from '@rollcall/core';
import { type BodySink, isJson, type Reply } from './reply.js';

/** The longest wait for a TCP connection, ms: an address that swallows packets must not delay a failover. */
const CONNECT_MS = 1_000;
/** A body may take any time while bytes arrive; after this long without a byte, ms, it has stopped. */
const IDLE_BODY_MS = 10_000;
/** Bytes that are read of an answer that is no list: enough for Consul's reason of an error. */
const TEXT_BYTES = 16 * 1024;

export interface HttpGetOptions {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** The path with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: HttpAgent;
  readonly timing: Timing;
  readonly signal: AbortSignal;
  /** The longest wait for the headers of the answer, ms. */
  readonly headersMs: number;
  /** Whether the process must not end before the answer is there. */
  readonly holds: boolean;
  /** The largest body that is accepted, bytes, before and after decompression. */
  readonly maxBytes: number;
  /** Takes the body of an answer with status 200 and JSON while it arrives. */
  bodyTo?(headers: IncomingMessage['headers']): BodySink;
}

/**
 * Makes one GET request. It is repeated once if a kept connection is reset before the first byte of the answer: the
 * server closed it as idle, and had not seen the request.
 * @throws the signal's reason, at once; WatchError TIMEOUT, TOO_LARGE, BAD_RESPONSE; or the socket's error.
 */
export async function get(options: HttpGetOptions): Promise<Reply> {
  const first = new Exchange(options);
  try {
    return await first.reply();
  } catch (error) {
    if (!first.wasResetUnheard(error) || options.signal.aborted) throw error;
    return new Exchange(options).reply();
  }
}

class Exchange {
  readonly #options: HttpGetOptions;
  readonly #abort = new AbortController();
  #request: ClientRequest | undefined;
  #heard = false;
  #cancelTimer: () => void = () => {};

  constructor(options: HttpGetOptions) {
    this.#options = options;
  }

  async reply(): Promise<Reply> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const giveUp = (): void => this.#giveUp(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const response = await this.#headers();
      return await this.#read(response);
    } catch (error) {
      throw this.#abort.signal.aborted ? this.#abort.signal.reason : error;
    } finally {
      this.#cancelTimer();
      signal.removeEventListener('abort', giveUp);
    }
  }

  wasResetUnheard(error: unknown): boolean {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return !this.#heard && this.#request?.reusedSocket === true && (code === 'ECONNRESET' || code === 'EPIPE');
  }

  #headers(): Promise<IncomingMessage> {
    const { secure, host, port, path, headers, agent, headersMs } = this.#options;
    this.#limit(
      headersMs,
      () => new WatchError('TIMEOUT', `No answer from Consul at ${this.#where} in ${headersMs} ms.`),
    );
    return new Promise((resolve, reject) => {
      const send = secure ? httpsRequest : httpRequest;
      const request = send({ host, port, path, agent, headers: { ...headers, 'accept-encoding': 'identity' } });
      this.#request = request;
      request.once('socket', (socket) => this.#onSocket(socket));
      request.once('response', (response) => {
        this.#heard = true;
        resolve(response);
      });
      request.on('error', reject);
      request.end();
    });
  }

  #onSocket(socket: NonNullable<ClientRequest['socket']>): void {
    const { holds, timing } = this.#options;
    // The watcher decides whether a watch keeps the process running.
    if (holds) socket.ref();
    else socket.unref();
    if (!socket.connecting) return;
    const late = (): void => void socket.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }));
    const cancel = timing.schedule(CONNECT_MS, late);
    socket.once('connect', cancel);
    socket.once('close', cancel);
  }

  async #read(response: IncomingMessage): Promise<Reply> {
    const { statusCode: status = 0, headers } = response;
    const { bodyTo } = this.#options;
    response.on('error', () => {});
    if (status === 200 && isJson(headers) && bodyTo !== undefined) {
      await this.#drain(response, bodyTo(headers));
      return { status, headers };
    }
    // A page in place of a list may be endless: its beginning suffices.
    const text = await this.#beginning(response);
    return { status, headers, text };
  }

  /** Reads the body into the sink, as fast as the sink takes it. */
  async #drain(response: IncomingMessage, target: BodySink): Promise<void> {
    let bytes = 0;
    const body = unpacked(response);
    for await (const chunk of this.#chunks(body)) {
      bytes += chunk.length;
      if (bytes > this.#options.maxBytes) {
        const fix = 'watch a smaller prefix, or raise maxMessageBytes';
        this.#giveUp(
          new WatchError(
            'TOO_LARGE',
            `The answer of Consul at ${this.#where} is above ${this.#options.maxBytes} bytes: ${fix}.`,
          ),
        );
        throw this.#abort.signal.reason;
      }
      if (!target.write(chunk)) await new Promise<void>((resolve) => target.once('drain', resolve));
      if (target.isHopeless) {
        // Broken off at once: an answer that is no list may be endless.
        response.destroy();
        return;
      }
    }
    if (!response.complete) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    target.end();
  }

  async #beginning(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#chunks(unpacked(response))) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= TEXT_BYTES) break;
    }
    // A connection whose answer was not read to its end cannot carry another one.
    if (!response.complete) response.destroy();
    return Buffer.concat(chunks).subarray(0, TEXT_BYTES).toString();
  }

  async *#chunks(body: Readable): AsyncGenerator<Buffer> {
    const stopped = (): WatchError =>
      new WatchError('TIMEOUT', `The answer of Consul at ${this.#where} stopped before its end.`);
    this.#limit(IDLE_BODY_MS, stopped);
    for await (const chunk of body) {
      this.#limit(IDLE_BODY_MS, stopped);
      yield chunk as Buffer;
    }
    this.#cancelTimer();
  }

  #limit(ms: number, error: () => WatchError): void {
    this.#cancelTimer();
    // Not the socket's timeout: its timer would keep the process running.
    this.#cancelTimer = this.#options.timing.schedule(ms, () => this.#giveUp(error()));
  }

  #giveUp(reason: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(reason);
    this.#request?.destroy();
  }

  get #where(): string {
    const { host, port } = this.#options;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }
}

/** A proxy may compress, although it was asked not to. */
function unpacked(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return response;
  const unpack = encoding === 'br' ? createBrotliDecompress() : createUnzip();
  response.on('error', (error) => unpack.destroy(error));
  response.on('aborted', () => unpack.destroy(new Error('aborted')));
  return response.pipe(unpack);
}
