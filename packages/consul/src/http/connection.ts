import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext } from 'node:tls';
import { WatchError } from '@rollcall/core';
import type { Connection } from '@rollcall/core/internal';
import { replyFailure, transportFailure } from './failure.js';
import { get } from './get.js';
import type { CallLimits, HttpOptions, Request } from './options.js';
import { isJson, type Reply } from './reply.js';
import type { KvWrite, Writer } from './writer.js';

/**
 * The default of `maxMessageBytes`. Consul's values have 512 KiB at most by default; a list of this size takes seconds
 * to read.
 */
const MAX_BODY_BYTES = 128 * 1024 * 1024;
/** The time for a dial's answer, ms. A server without a leader takes 7 s for a read. */
const DIAL_MS = 3_000;

/** One endpoint. Sockets open on demand and are kept for later calls. */
export class ConsulConnection implements Connection {
  readonly endpoint: string;
  readonly #options: HttpOptions;
  readonly #agent: HttpAgent;
  #writer: Promise<Writer> | undefined;
  #running = 0;
  #closed = false;

  /** @throws WatchError INVALID_OPTION for certificates or a key that cannot be read. */
  constructor(endpoint: string, options: HttpOptions) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#agent = agentOf(options);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Asks whether the server knows a leader. @throws WatchError why it cannot answer. */
  async dial(signal: AbortSignal): Promise<void> {
    const reply = await this.get(
      { path: '/status/leader', parameters: [] },
      { signal, headersMs: DIAL_MS, holds: false },
    );
    const { status, headers, text = '' } = reply;
    if (status === 200 && isJson(headers)) {
      if (text.trim() !== '""') return;
      throw new WatchError(
        'UNAVAILABLE',
        `Consul at ${this.endpoint} has no leader: it elects one or lost its quorum.`,
      );
    }
    // The server answers, even if it refuses this caller.
    if (status >= 400 && status < 500 && status !== 429) return;
    throw replyFailure(reply, this.endpoint, this.#options.timing.wallNow());
  }

  /**
   * Makes one GET request.
   * @returns the answer, whatever its status.
   * @throws the signal's reason, at once; WatchError TIMEOUT, TOO_LARGE, or for a missing answer.
   */
  get(request: Request, limits: CallLimits): Promise<Reply> {
    const { secure, maxMessageBytes: maxBytes = MAX_BODY_BYTES, timing } = this.#options;
    const { host, port } = splitEndpoint(this.endpoint);
    const { mayBeCached = false, ...call } = limits;
    return this.#call(async () => {
      const headers = { ...this.#headers(), ...(!mayBeCached && { 'cache-control': 'no-cache' }) };
      const path = this.#pathOf(request);
      const agent = this.#agent;
      const reply = await get({ secure, host, port, path, headers, agent, timing, maxBytes, ...call });
      return { ...reply, text: this.#withoutToken(reply.text) };
    });
  }

  /** Writes with the package `consul`. @returns the answer, whatever its status. @throws as `get`. */
  write(write: KvWrite, limits: CallLimits): Promise<Reply> {
    return this.#call(async () => {
      const { ConsulWriter } = await import('./writer.js');
      this.#writer ??= Promise.resolve(new ConsulWriter(this.endpoint, this.#agent, this.#options));
      const reply = await (await this.#writer).write(write, limits);
      return { ...reply, text: this.#withoutToken(reply.text) };
    });
  }

  /** Closes the connection: new calls fail, idle sockets close at once, the others after their call. */
  close(): void {
    this.#closed = true;
    // Idle sockets are on the failed link, too: a call on one would wait in vain.
    for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    this.#destroyIfUnused();
  }

  async #call(run: () => Promise<Reply>): Promise<Reply> {
    if (this.#closed) throw new WatchError('UNREACHABLE', `The connection to Consul at ${this.endpoint} was given up.`);
    this.#running++;
    try {
      return await run();
    } catch (error) {
      throw error instanceof Error ? transportFailure(error, this.endpoint) : error;
    } finally {
      this.#running--;
      this.#destroyIfUnused();
    }
  }

  #headers(): Record<string, string> {
    const { token, scope } = this.#options;
    return {
      ...(token && { 'x-consul-token': token }),
      ...(scope.namespace !== undefined && { 'x-consul-namespace': scope.namespace }),
    };
  }

  #pathOf({ path, parameters }: Request): string {
    const { dc, partition } = this.#options.scope;
    const all = [
      ...parameters,
      ...(dc ? [['dc', dc] as const] : []),
      ...(partition ? [['partition', partition] as const] : []),
    ];
    const query = all.map(([name, value]) => (value === '' ? name : `${name}=${encodeURIComponent(value)}`)).join('&');
    return `/v1${path}${query === '' ? '' : `?${query}`}`;
  }

  /** A proxy's error page may quote the request, with its token. */
  #withoutToken(text: string | undefined): string | undefined {
    const { token } = this.#options;
    return token === undefined ? text : text?.replaceAll(token, '***');
  }

  #destroyIfUnused(): void {
    if (this.#closed && this.#running === 0) this.#agent.destroy();
  }
}

/** @param endpoint `host:port`; the brackets of an IPv6 host are removed. */
function splitEndpoint(endpoint: string): { readonly host: string; readonly port: number } {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(colon + 1)) };
}

function agentOf({ secure, connections, tls = {} }: HttpOptions): HttpAgent {
  const kept = { keepAlive: true, maxSockets: connections };
  if (!secure) return new HttpAgent(kept);
  const { ca, cert, key, serverName, insecureSkipVerify } = tls;
  try {
    return new HttpsAgent({
      ...kept,
      // No TLS session is resumed: it would hide that the server has another certificate now.
      maxCachedSessions: 0,
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
