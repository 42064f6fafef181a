import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came. */
export interface Seen {
  /** Monotonic, ms. */
  readonly at: number;
  /** Undefined for a plain read. */
  readonly index: string | undefined;
  readonly parameters: URLSearchParams;
  /** Whether the client has given it up. */
  readonly aborted: boolean;
}

/** What the store holds: the index of the list, and each key's text and ModifyIndex. */
export interface Store {
  readonly index: number;
  readonly keys: Readonly<Record<string, readonly [text: string, modifyIndex: number]>>;
}

/** Answers in Consul's place. */
export type Answer = (response: ServerResponse, request: IncomingMessage, index: string | undefined) => void;

/**
 * A server in Consul's place that answers for one KV prefix: as Consul does, blocking, or as a test tells it to. Not a
 * stand-in where a real Consul can be made to do the same.
 */
export class ScriptedConsul implements AsyncDisposable {
  readonly requests: Seen[] = [];
  readonly #server: Server;
  readonly #prefix: string;
  readonly #blocked = new Map<ServerResponse, IncomingMessage>();
  #store: Store;
  #answer: Answer | undefined;

  private constructor(server: Server, prefix: string, store: Store) {
    this.#server = server;
    this.#prefix = prefix;
    this.#store = store;
    server.on('request', (request, response) => this.#serve(request, response));
  }

  static async start(prefix: string, store: Store, host = '127.0.0.1'): Promise<ScriptedConsul> {
    const server = createServer();
    server.listen(0, host);
    await once(server, 'listening');
    return new ScriptedConsul(server, prefix, store);
  }

  /** `127.0.0.1:port` or `[::1]:port` */
  get endpoint(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** The URL of the prefix. */
  get url(): string {
    return `consul://${this.endpoint}/${this.#prefix}`;
  }

  get blocked(): number {
    return this.#blocked.size;
  }

  /** Answers every request so from now on, those that are blocked at once. Undefined: as Consul does. */
  answer(answer: Answer | undefined): void {
    this.#answer = answer;
    if (answer !== undefined) this.#release((response, request) => answer(response, request, indexOf(request)));
  }

  /** Answers nothing from now on; what is blocked stays so. */
  stall(): void {
    this.#answer = () => {};
  }

  /** Holds something else from now on, and answers those that are blocked. */
  set(store: Store): void {
    this.#store = store;
    if (this.#answer === undefined) this.#release((response) => this.list(response));
  }

  /** The present list, as Consul gives it. */
  list(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): void {
    const { index, keys } = this.#store;
    const pairs = Object.entries(keys).map(([key, [text, ModifyIndex]]) => ({
      Key: this.#prefix + key,
      Value: Buffer.from(text).toString('base64'),
      CreateIndex: 1,
      ModifyIndex,
    }));
    const type = pairs.length === 0 ? undefined : { 'content-type': 'application/json' };
    response.writeHead(pairs.length === 0 ? 404 : 200, { 'x-consul-index': String(index), ...type, ...headers });
    response.end(pairs.length === 0 ? undefined : JSON.stringify(pairs));
  }

  /** Requests that came after a time. */
  since(at: number): readonly Seen[] {
    return this.requests.filter((request) => request.at >= at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const seen = { at: performance.now(), index: indexOf(request), parameters: parametersOf(request), aborted: false };
    this.requests.push(seen);
    response.on('close', () => {
      seen.aborted = !response.writableFinished;
      this.#blocked.delete(response);
    });
    if (this.#answer !== undefined) this.#answer(response, request, seen.index);
    // As Consul: an index ahead of the store's blocks too.
    else if (seen.index !== undefined && Number(seen.index) >= this.#store.index) this.#blocked.set(response, request);
    else this.list(response);
  }

  #release(answer: (response: ServerResponse, request: IncomingMessage) => void): void {
    const waiting = [...this.#blocked];
    this.#blocked.clear();
    for (const [response, request] of waiting) answer(response, request);
  }
}

export function parametersOf({ url = '' }: IncomingMessage): URLSearchParams {
  return new URL(url, 'http://localhost').searchParams;
}

function indexOf(request: IncomingMessage): string | undefined {
  return parametersOf(request).get('index') ?? undefined;
}

/** A page, as load balancers send it. */
export const page =
  (status: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers });
    response.end('<html><body><h1>Please stand by</h1></body></html>');
  };
