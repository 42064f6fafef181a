import { inOrder } from './in-order.js';
import { startProxy, type TcpProxy } from './proxy.js';

/** The address of a server on 127.0.0.1. */
interface Answering {
  readonly port: number;
  readonly endpoint: string;
}

/** A proxy in front of each of several servers, so that a test can see and decide which of them a watch uses. */
export class Doors<Server extends Answering> implements AsyncDisposable {
  readonly #proxies: ReadonlyMap<Server, TcpProxy>;

  private constructor(proxies: ReadonlyMap<Server, TcpProxy>) {
    this.#proxies = proxies;
  }

  static async before<Server extends Answering>(servers: readonly Server[]): Promise<Doors<Server>> {
    const proxies = servers.map(async (server) => [server, await startProxy(server)] as const);
    return new Doors(new Map(await Promise.all(proxies)));
  }

  /** `127.0.0.1:port` of each. */
  get endpoints(): string[] {
    return [...this.#proxies.values()].map(({ endpoint }) => endpoint);
  }

  to(server: Server): TcpProxy {
    const proxy = this.#proxies.get(server);
    if (proxy === undefined) throw new Error(`${server.endpoint} has no door`);
    return proxy;
  }

  /** The servers to which a connection is open. */
  get used(): Server[] {
    return [...this.#proxies].filter(([, { connections }]) => connections.open > 0).map(([server]) => server);
  }

  /** Opens a client that chooses among the servers, so that it tries these first, in this order. */
  inOrder<T>(servers: readonly Server[], open: () => T): T {
    const others = [...this.#proxies.keys()].filter((one) => !servers.includes(one));
    return inOrder(
      [...servers, ...others].map((one) => this.to(one).endpoint),
      open,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
