import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly at: number;
}

export interface HttpProxyOptions {
  /** Ends a request with 504 that takes longer than this, ms. */
  readonly longestMs?: number;
  /** Answers the same request for so long from its cache, ms, and says so by `Age`. */
  readonly cacheMs?: number;
  /** Compresses what it passes on, asked for or not. */
  readonly compresses?: boolean;
}

/** A web proxy before Consul, with what such a proxy does to long polls. */
export class HttpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #port: () => number;
  readonly #options: HttpProxyOptions;
  readonly #cache = new Map<string, Answer>();
  /** Answers that came from the cache. */
  hits = 0;

  private constructor(port: () => number, options: HttpProxyOptions) {
    this.#port = port;
    this.#options = options;
    this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
  }

  static async start(server: { readonly port: number }, options: HttpProxyOptions): Promise<HttpProxy> {
    const proxy = new HttpProxy(() => server.port, options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  drop(): void {
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.drop();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { cacheMs = 0 } = this.#options;
    const key = (incoming.url ?? '').replace(/&wait=\w+/, '');
    // It obeys "no-cache" for plain reads alone.
    const obeys = /no-cache/.test(incoming.headers['cache-control'] ?? '') && !key.includes('index=');
    const mayCache = incoming.method === 'GET' && !obeys;
    const cached = mayCache ? this.#cache.get(key) : undefined;
    const ageMs = cached === undefined ? Number.POSITIVE_INFINITY : performance.now() - cached.at;
    if (cached !== undefined && ageMs < cacheMs) {
      this.hits++;
      this.#send(outgoing, cached, { age: String(Math.floor(ageMs / 1000)), 'x-cache': 'HIT' });
      return;
    }
    try {
      const answer = await this.#ask(incoming);
      if (mayCache && answer.status === 200) this.#cache.set(key, answer);
      this.#send(outgoing, answer, cacheMs > 0 ? { 'x-cache': 'MISS' } : {});
    } catch (error) {
      const status = (error as Error).name === 'TimeoutError' ? 504 : 502;
      outgoing.writeHead(status, { 'content-type': 'text/html' }).end('<html>proxy</html>');
    }
  }

  #ask(incoming: IncomingMessage): Promise<Answer> {
    const { longestMs } = this.#options;
    return new Promise((resolve, reject) => {
      const { connection: _, ...headers } = incoming.headers;
      const signal = longestMs === undefined ? undefined : AbortSignal.timeout(longestMs);
      const { method = 'GET', url: path = '/' } = incoming;
      const asked = request({ port: this.#port(), host: '127.0.0.1', method, path, headers, agent: false, signal });
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      incoming.on('close', () => {
        if (!incoming.complete) asked.destroy();
      });
      asked.on('error', reject);
      asked.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers: told } = response;
          resolve({ status, headers: told, body: Buffer.concat(chunks), at: performance.now() });
        });
      });
      incoming.pipe(asked);
    });
  }

  #send(outgoing: ServerResponse, { status, headers, body }: Answer, more: Record<string, string>): void {
    const { 'transfer-encoding': _, connection: __, 'content-length': ___, ...passed } = headers;
    const zips = this.#options.compresses === true && body.length > 0;
    outgoing.writeHead(status, { ...passed, ...more, ...(zips && { 'content-encoding': 'gzip' }) });
    outgoing.end(zips ? gzipSync(body) : body);
  }
}
