import type { Consul } from '../support/consul.js';
import { inOrder } from '../support/in-order.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';

/** A proxy before each of several servers, so that a test knows, and decides, which of them a watch is on. */
export class ConsulDoors implements AsyncDisposable {
  readonly #proxies: ReadonlyMap<Consul, TcpProxy>;

  private constructor(proxies: ReadonlyMap<Consul, TcpProxy>) {
    this.#proxies = proxies;
  }

  static async before(servers: readonly Consul[]): Promise<ConsulDoors> {
    const proxies = servers.map(async (server) => [server, await startProxy(server)] as const);
    return new ConsulDoors(new Map(await Promise.all(proxies)));
  }

  /** The URL of what is watched, as `kafka/` or `?service=kafka`, with all addresses. */
  url(what: string): string {
    return `consul://${this.#endpoints([...this.#proxies.keys()])}/${what}`;
  }

  to(server: Consul): TcpProxy {
    const proxy = this.#proxies.get(server);
    if (proxy === undefined) throw new Error(`${server.endpoint} has no door`);
    return proxy;
  }

  /** Servers that a connection is open to. */
  get used(): Consul[] {
    return [...this.#proxies].filter(([, { connections }]) => connections.open > 0).map(([server]) => server);
  }

  /** Opens one watch of all addresses, so that it tries these servers first, in this order. */
  inOrder<T>(servers: readonly Consul[], open: () => T): T {
    const others = [...this.#proxies.keys()].filter((one) => !servers.includes(one));
    return inOrder(this.#endpoints([...servers, ...others]), open);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  #endpoints(servers: readonly Consul[]): string[] {
    return servers.map((server) => this.to(server).endpoint);
  }
}
