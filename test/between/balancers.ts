import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Hands each TCP connection to the next of several servers. */
export class TcpBalancer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #ports: readonly number[];
  #next = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((client) => this.#serve(client));
  }

  /** @param at where it listens. Default: a free port of 127.0.0.1. */
  static async start(ports: readonly number[], { host = '127.0.0.1', port = 0 } = {}): Promise<TcpBalancer> {
    const balancer = new TcpBalancer(ports);
    balancer.#server.listen(port, host);
    await once(balancer.#server, 'listening');
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** From now on to these; connections that are open are broken. */
  moveTo(ports: readonly number[]): void {
    this.#ports = ports;
    this.drop();
  }

  drop(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket): void {
    const server = connect(this.#ports[this.#next++ % this.#ports.length] ?? 0, '127.0.0.1');
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

/** A balancer that knows gRPC: it hands each call of one HTTP/2 session to the next of several servers. */
export class GrpcBalancer implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #ports: readonly number[];
  readonly #upstream = new Map<number, ClientHttp2Session>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #next = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#server = createHttp2Server();
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => {});
    });
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers));
  }

  static async start(ports: readonly number[]): Promise<GrpcBalancer> {
    const balancer = new GrpcBalancer(ports);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  drop(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    for (const session of this.#upstream.values()) session.destroy();
    this.#server.close();
  }

  #serve(client: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const server = this.#session().request(headers);
    client.on('error', () => server.close());
    client.on('close', () => server.close());
    // What a gateway says when its server fails (https://grpc.io/docs/guides/status-codes/).
    server.on('error', () => {
      if (client.headersSent || client.destroyed) client.close(2);
      else
        client.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' },
          { endStream: true },
        );
    });
    let trailers: IncomingHttpHeaders = {};
    server.on('response', (answer, flags) => {
      if (client.destroyed) return;
      const endStream = (flags & 1) !== 0;
      client.respond(answer, { endStream, waitForTrailers: !endStream });
      client.on('wantTrailers', () => client.sendTrailers(trailers));
      if (!endStream) server.pipe(client);
    });
    server.on('trailers', (told) => {
      trailers = told;
    });
    client.pipe(server);
  }

  #session(): ClientHttp2Session {
    const port = this.#ports[this.#next++ % this.#ports.length] ?? 0;
    const known = this.#upstream.get(port);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    this.#upstream.set(port, session);
    return session;
  }
}
