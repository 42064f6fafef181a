import { EventEmitter } from 'node:events';
import type { ClientRequest, Agent as HttpAgent, IncomingMessage, RequestOptions } from 'node:http';
import { WatchError } from '@rollcall/core';
import Consul from 'consul';
import type { CallLimits, HttpOptions } from './options.js';
import type { Reply } from './reply.js';

/** A write to the KV store. */
export type KvWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }
  /** Deletes all keys that begin with it. */
  | { readonly type: 'delete all'; readonly key: string };

export interface Writer {
  write(write: KvWrite, limits: CallLimits): Promise<Reply>;
}

/** The context of one call: the event `cancel` ends the call. */
interface CallContext extends EventEmitter {
  /** Makes the call resolve with `[response, …]`, and its error have `response`. */
  readonly includeResponse: true;
}

interface WriterCallOptions {
  readonly ctx: CallContext;
  readonly key: string;
}

/** One request in papi, the HTTP layer below `consul`. */
interface PapiRequest {
  readonly req: RequestOptions;
  transport: { request(options: RequestOptions): ClientRequest };
}

/** The part of `consul` that is used. Its own types lack `ctx`. */
interface ConsulClient {
  readonly kv: {
    set(options: WriterCallOptions & { value: Buffer }): Promise<unknown>;
    del(options: WriterCallOptions & { recurse?: true }): Promise<unknown>;
  };
  _ext(event: 'onRequest', hook: (request: PapiRequest, next: () => void) => void): void;
}

type PapiResponse = IncomingMessage & { readonly body?: unknown };

/** Writes with the package `consul`, over a connection's sockets. */
export class ConsulWriter implements Writer {
  readonly #endpoint: string;
  readonly #client: ConsulClient;
  readonly #timing: HttpOptions['timing'];

  constructor(endpoint: string, agent: HttpAgent, options: HttpOptions) {
    this.#endpoint = endpoint;
    this.#timing = options.timing;
    this.#client = clientOf(endpoint, agent, options);
  }

  async write(write: KvWrite, { signal, headersMs }: CallLimits): Promise<Reply> {
    signal.throwIfAborted();
    const ctx: CallContext = Object.assign(new EventEmitter(), { includeResponse: true as const });
    const cancel = (): void => void ctx.emit('cancel');
    let isLate = false;
    // Not papi's timeout: its timer would keep the process running.
    const stopTimer = this.#timing.schedule(headersMs, () => {
      isLate = true;
      cancel();
    });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return replyOf(responseOf(await this.#send(write, ctx)));
    } catch (error) {
      signal.throwIfAborted();
      if (isLate) throw new WatchError('TIMEOUT', `No answer from Consul at ${this.#endpoint} in ${headersMs} ms.`);
      const response = (error as { response?: PapiResponse }).response;
      if (response?.complete) return replyOf(response);
      throw error;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', cancel);
    }
  }

  #send(write: KvWrite, ctx: CallContext): Promise<unknown> {
    const { key } = write;
    return write.type === 'put'
      ? this.#client.kv.set({ ctx, key, value: Buffer.from(write.value) })
      : this.#client.kv.del({ ctx, key, ...(write.type === 'delete all' && { recurse: true }) });
  }
}

function clientOf(endpoint: string, agent: HttpAgent, { secure, token, scope }: HttpOptions): ConsulClient {
  const { dc, partition, namespace } = scope;
  const options = {
    agent,
    baseUrl: `${secure ? 'https' : 'http'}://${endpoint}/v1`,
    // The client sends the token as a header, and drops `ns`.
    defaults: { ...(token && { token }), ...(dc && { dc }), ...(partition && { partition }) },
    headers: namespace === undefined ? {} : { 'x-consul-namespace': namespace },
  };
  const client = new Consul(options) as unknown as ConsulClient;
  client._ext('onRequest', (request, next) => {
    const { transport, req } = request;
    // papi keeps the brackets of an IPv6 address, and Node would look that up as a name.
    req.hostname = req.hostname?.replace(/^\[|\]$/g, '') ?? null;
    request.transport = { request: (given) => guarded(transport.request(given)) };
    next();
  });
  return client;
}

function guarded(clientRequest: ClientRequest): ClientRequest {
  clientRequest.on('response', (response) => {
    // papi does not notice that a response breaks off, and would wait for ever.
    response.on('error', (error) => clientRequest.emit('error', error));
  });
  return clientRequest;
}

/** With `includeResponse` a call resolves with `[response, …]`. */
function responseOf(result: unknown): PapiResponse {
  if (Array.isArray(result)) return result[0] as PapiResponse;
  throw new WatchError('INTERNAL', 'The consul client gave no response.');
}

/** papi parses JSON; it returns an answer without a type as bytes. */
function replyOf({ statusCode = 0, headers, body }: PapiResponse): Reply {
  const text =
    body instanceof Uint8Array ? Buffer.from(body).toString() : typeof body === 'string' ? body : JSON.stringify(body);
  return { status: statusCode, headers, text };
}
