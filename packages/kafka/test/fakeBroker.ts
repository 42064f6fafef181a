import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '@rollcall/core/adapter';
import { bytes, int16, int32, KafkaReader, string } from '../src/gate/wire.js';

/** What a loopback socket says in a broker's place. */
export interface FakeBrokerOptions {
  readonly clusterId?: string;
  /** Itself unless given. */
  readonly advertised?: readonly Endpoint[];
  /** Takes the connection over after it has answered for its cluster. */
  readonly serve?: (socket: Socket) => void;
}

/** Answers the two questions that a broker is asked for its cluster, and counts what else it is sent. */
export class FakeBroker implements AsyncDisposable {
  readonly sockets = new Set<Socket>();
  readonly endpoint: Endpoint;
  /** Of every connection, in order. */
  readonly asked: number[][] = [];
  /** What came after the questions. */
  received = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  static async start(options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const server = createServer({ allowHalfOpen: true }, (socket) => broker.#accept(socket, options));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const broker = new FakeBroker(server);
    return broker;
  }

  get address(): string {
    return `127.0.0.1:${this.endpoint.port}`;
  }

  get connections(): number {
    return this.asked.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket, { clusterId = 'one', advertised = [this.endpoint], serve }: FakeBrokerOptions): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
    const asked: number[] = [];
    this.asked.push(asked);
    const onData = (chunk: Buffer): void => {
      const request = new KafkaReader(chunk.subarray(4));
      const api = request.int16();
      request.int16();
      const correlationId = request.int32();
      asked.push(api);
      socket.write(bytes(Buffer.concat([int32(correlationId), answer(api, clusterId, advertised)])));
      if (api !== METADATA) return;
      socket.off('data', onData);
      if (serve !== undefined) serve(socket);
      else
        socket.on('data', ({ length }: Buffer) => {
          this.received += length;
        });
    };
    socket.on('data', onData);
  }
}

const METADATA = 3;

function answer(api: number, clusterId: string, advertised: readonly Endpoint[]): Buffer {
  return api === METADATA ? metadataAnswer(clusterId, advertised) : apiVersionsAnswer(METADATA, 0, 13);
}

/** ApiVersions v0 of a broker that knows one API. */
export function apiVersionsAnswer(api: number, min: number, max: number): Buffer {
  return Buffer.concat([int16(0), int32(1), int16(api), int16(min), int16(max)]);
}

/** Metadata v7 about no topic. */
export function metadataAnswer(clusterId: string | undefined, advertised: readonly Endpoint[], rack?: string): Buffer {
  const text = (value: string | undefined): Buffer => (value === undefined ? int16(-1) : string(value));
  const brokers = advertised.map(({ host, port }, at) =>
    Buffer.concat([int32(at + 1), string(host), int32(port), text(rack)]),
  );
  return Buffer.concat([int32(0), int32(brokers.length), ...brokers, text(clusterId), int32(1), int32(0)]);
}
