import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import { allOrNone } from './all-or-none.js';
import { Consul } from './consul.js';
import { onFreePorts } from './ports.js';
import { startProxy, type TcpProxy } from './proxy.js';

/** HTTP, server RPC, serf. */
const PORTS = 3;

interface Peer {
  readonly name: string;
  readonly ports: { readonly api: number; readonly server: number; readonly serf: number };
  /** The address on which it listens for the others, and from which it connects to them. */
  readonly inside: string;
  /** The port at which the others reach it: a proxy of the test. */
  readonly outside: string;
}

/** The requests of one server to another, and the answers. */
interface Link {
  readonly from: string;
  readonly to: string;
  readonly proxy: TcpProxy;
}

/**
 * Three Consul servers of one datacenter that can be partitioned from each other, but not from their clients. Raft
 * messages and forwarded requests go through proxies of the test, which know the sender by its address. Gossip does not
 * go through them, so all servers still take the partitioned one for alive. Linux only: each server has two addresses
 * of 127.0.0.0/8 to itself.
 */
export class ConsulPeers implements AsyncDisposable {
  readonly servers: readonly Consul[];
  readonly #peers: readonly Peer[];
  readonly #entrances: readonly Server[];
  readonly #links: readonly Link[];

  private constructor(
    servers: readonly Consul[],
    peers: readonly Peer[],
    entrances: readonly Server[],
    links: readonly Link[],
  ) {
    this.servers = servers;
    this.#peers = peers;
    this.#entrances = entrances;
    this.#links = links;
  }

  static async start(ports: readonly number[]): Promise<ConsulPeers> {
    const peers = [0, 1, 2].map((i): Peer => {
      const [api = 0, server = 0, serf = 0] = ports.slice(PORTS * i);
      return {
        name: `consul${i}`,
        ports: { api, server, serf },
        inside: `127.0.1.${i + 1}`,
        outside: `127.0.2.${i + 1}`,
      };
    });
    const links: Link[] = [];
    const entrances: Server[] = [];
    for (const { ports, inside, outside } of peers) {
      // A client agent connects from none of these addresses.
      for (const from of ['', ...peers.map((peer) => peer.inside)]) {
        links.push({ from, to: inside, proxy: await startProxy({ host: inside, port: ports.server }) });
      }
      const to = links.filter((link) => link.to === inside);
      const portFor = (caller: string) => (to.find(({ from }) => from === caller) ?? to[0])?.proxy.port ?? 0;
      entrances.push(await listen({ host: outside, port: ports.server }, portFor));
    }
    const join = peers.map(({ outside, ports }) => `${outside}:${ports.serf}`);
    const starts = peers.map(({ name, ports, inside, outside }) => {
      const config = { bind_addr: inside, advertise_addr: outside, serf_lan: outside };
      return Consul.start({ name, ports }, { servers: peers.length, join, options: { config } });
    });
    return new ConsulPeers(await allOrNone(starts), peers, entrances, links);
  }

  /** The server that leads, according to this one; undefined if it follows none. */
  async leaderOf(server: Consul): Promise<Consul | undefined> {
    const { body } = await server.http('/v1/status/leader');
    const [outside] = (JSON.parse(body) as string).split(':');
    return this.servers[this.#peers.findIndex((peer) => peer.outside === outside)];
  }

  /**
   * `stall`: connections stay open and carry nothing, as when packets are dropped. `cut`: they are reset, and new ones
   * refused.
   */
  async part(server: Consul, how: 'stall' | 'cut'): Promise<void> {
    for (const { proxy } of this.#linksOf(server)) await (how === 'stall' ? proxy.stall() : proxy.cut());
  }

  /** Undoes `part`. */
  async heal(server: Consul): Promise<void> {
    for (const { proxy } of this.#linksOf(server)) await proxy.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
    await Promise.all(this.#links.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
    for (const entrance of this.#entrances) entrance.close();
  }

  /** Whether it can reach its peers. A client agent still reaches it. */
  #linksOf(server: Consul): Link[] {
    const inside = this.#peers[this.servers.indexOf(server)]?.inside;
    return this.#links.filter(({ from, to }) => from !== '' && (from === inside || to === inside));
  }
}

/** Three Consul servers, ready when a write through each of them went through. */
export const startConsulPeers = (): Promise<ConsulPeers> => onFreePorts(PORTS * 3, (ports) => ConsulPeers.start(ports));

/** Forwards each connection to the port for its sender's address. */
async function listen(place: { host: string; port: number }, portFor: (caller: string) => number): Promise<Server> {
  const server = createServer((caller) => {
    const onward = connect({ host: '127.0.0.1', port: portFor(caller.remoteAddress ?? '') });
    // If one side fails or ends, so does the other.
    pipeline(caller, onward, caller, () => {
      caller.resetAndDestroy();
      onward.resetAndDestroy();
    });
  });
  server.listen(place);
  await once(server, 'listening');
  return server;
}
