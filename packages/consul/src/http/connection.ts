import { EventEmitter } from 'node:events';
import { type ClientRequest, Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type ConnectOptions, type Timing, WatchError } from '@rollcall/core';
import Consul from 'consul';
import type { CallContext, CallOptions, ConsulClient, PapiRequest, PapiResponse, Reply } from './client.js';
import { transportFailure } from './failure.js';
import type { Scope } from './scope.js';

export interface ConnectionOptions extends ConnectOptions {
  /** TLS. */
  readonly secure: boolean;
  readonly scope: Scope;
  readonly timing: Timing;
  /** How many connections one endpoint may have. */
  readonly connections: number;
}

export interface CallLimits extends Partial<Pick<CallContext, 'parameters' | 'bodyTo'>> {
  readonly signal: AbortSignal;
  /** The longest wait for the whole answer. */
  readonly timeoutMs: number;
  /** Whether the process must not end before the call has. */
  readonly holds: boolean;
}

/** One endpoint. Its connections open on demand and are kept for the next call. Nothing is tried twice. */
export class Connection {
  readonly endpoint: string;
  readonly #options: ConnectionOptions;
  readonly #agent: HttpAgent;
  readonly #client: ConsulClient;

  /** @throws WatchError INVALID_OPTION for certificates or a key that cannot be read. */
  constructor(endpoint: string, options: ConnectionOptions) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#agent = agentOf(options);
    this.#client = clientOf(endpoint, options, this.#agent);
  }

  /**
   * One call.
   * @returns the answer, whatever its status.
   * @throws the signal's reason at once when it aborts; WatchError TIMEOUT; or that no answer came.
   */
  async call(
    send: (client: ConsulClient, options: CallOptions) => Promise<unknown>,
    { signal, timeoutMs, holds, parameters = {}, bodyTo }: CallLimits,
  ): Promise<Reply> {
    signal.throwIfAborted();
    const given = { includeResponse: true as const, holds, parameters, bodyTo };
    const ctx: CallContext = Object.assign(new EventEmitter(), given);
    const cancel = (): void => void ctx.emit('cancel');
    let timedOut = false;
    // Not papi's own timeout: its timer would hold the process.
    const stopTimer = this.#options.timing.schedule(timeoutMs, () => {
      timedOut = true;
      cancel();
    });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return this.#replyOf(responseOf(await send(this.#client, { ctx })));
    } catch (error) {
      // Who gives a call up may have found the link dead, and the idle connections are on the same link.
      if (signal.aborted) this.dropIdle();
      signal.throwIfAborted();
      if (timedOut) throw new WatchError('TIMEOUT', `No answer from Consul at ${this.endpoint} in ${timeoutMs} ms.`);
      const response = (error as { response?: PapiResponse }).response;
      if (response?.complete) return this.#replyOf(response);
      throw transportFailure(error, this.endpoint);
    } finally {
      stopTimer();
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Lets go of connections that no call uses: after a failure they may lead nowhere, and a call would wait for nothing. */
  dropIdle(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  /** Breaks every connection. */
  close(): void {
    this.#agent.destroy();
  }

  #replyOf({ statusCode = 0, headers, body }: PapiResponse): Reply {
    // papi leaves what has no type as bytes.
    const text = body instanceof Uint8Array && !('content-type' in headers) ? Buffer.from(body).toString() : body;
    const { token } = this.#options;
    // A proxy's error page may echo the request.
    const shown = typeof text === 'string' && token !== undefined ? text.replaceAll(token, '***') : text;
    return { status: statusCode, headers, body: shown };
  }
}

function agentOf({ secure, connections, tls = {} }: ConnectionOptions): HttpAgent {
  const kept = { keepAlive: true, maxSockets: connections };
  if (!secure) return new HttpAgent(kept);
  const { ca, cert, key, serverName, insecureSkipVerify } = tls;
  try {
    return new HttpsAgent({
      ...kept,
      secureContext: createSecureContext({ ca, cert, key }),
      ...(serverName !== undefined && { servername: serverName }),
      rejectUnauthorized: !insecureSkipVerify,
    });
  } catch (cause) {
    throw new WatchError('INVALID_OPTION', 'Cannot read tls.ca, tls.cert or tls.key: each must be a PEM text.', {
      cause,
    });
  }
}

function clientOf(endpoint: string, { secure, token, scope }: ConnectionOptions, agent: HttpAgent): ConsulClient {
  const { dc, partition, namespace } = scope;
  const options = {
    agent,
    baseUrl: `${secure ? 'https' : 'http'}://${endpoint}/v1`,
    // The client sends the token as a header, and drops `ns`.
    defaults: { ...(token && { token }), ...(dc && { dc }), ...(partition && { partition }) },
    headers: namespace === undefined ? {} : { 'x-consul-namespace': namespace },
  };
  const client = new Consul(options) as unknown as ConsulClient;
  client._ext('onCreate', ({ opts, ctx }, next) => {
    Object.assign(opts.query, ctx?.parameters);
    next();
  });
  client._ext('onRequest', (request, next) => {
    const { transport, req } = request;
    // papi keeps the brackets of an IPv6 address, and Node would look them up.
    req.hostname = req.hostname?.replace(/^\[|\]$/g, '') ?? null;
    request.transport = { request: (given) => guarded(transport.request(given), request) };
    next();
  });
  return client;
}

function guarded(clientRequest: ClientRequest, request: PapiRequest): ClientRequest {
  const { holds = true, bodyTo } = request.ctx ?? {};
  clientRequest.on('response', (response) => {
    // papi does not notice a response that breaks off, and would wait for the rest for ever.
    response.on('error', (error) => clientRequest.emit('error', error));
    const { statusCode, headers } = response;
    if (bodyTo !== undefined && statusCode === 200 && isJson(headers)) request.pipe = bodyTo(headers);
  });
  // Whether a watch keeps the process is its watcher's to say.
  if (!holds) clientRequest.on('socket', (socket) => socket.unref());
  return clientRequest;
}

function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\b/i.test(headers['content-type'] ?? '');
}

/** With `includeResponse` a call resolves with `[response, …]`. */
function responseOf(result: unknown): PapiResponse {
  if (Array.isArray(result)) return result[0] as PapiResponse;
  throw new WatchError('INTERNAL', 'The consul client gave no response.');
}
