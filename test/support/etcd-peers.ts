import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { freePort } from './ports.js';
import { startProxy, type TcpProxy } from './proxy.js';

/**
 * The traffic in one direction between two members: requests of `from` (undefined if they do not name their sender) and
 * the answers.
 */
interface Link {
  readonly from: string | undefined;
  readonly to: string;
  readonly proxy: TcpProxy;
}

/**
 * The network between the members of a cluster. Each member advertises a proxy of the test as its peer URL. Behind it
 * every other member has a link of its own, which can be stalled or cut.
 *
 * The sender is known by the `X-PeerURLs` header, which etcd sets on raft's streams, messages and snapshots. Lease
 * renewals, version requests and probes have no such header, and still reach a member that is not isolated itself. That
 * does no harm: only a leader asks for versions, and only a member with a leader sends renewals; after an election
 * timeout an isolated member is and has neither.
 */
export class PeerNetwork implements AsyncDisposable {
  /** The advertised peer URLs, in the order of the ports. */
  readonly urls: readonly string[];
  readonly #entrances: readonly Server[];
  readonly #links: readonly Link[];
  readonly #isolated = new Map<string, 'stall' | 'cut'>();

  private constructor(urls: readonly string[], entrances: readonly Server[], links: readonly Link[]) {
    this.urls = urls;
    this.#entrances = entrances;
    this.#links = links;
  }

  /** @param peerPorts the ports on which the members listen */
  static async start(peerPorts: readonly number[]): Promise<PeerNetwork> {
    const places = await Promise.all(peerPorts.map(async (peerPort) => ({ peerPort, entrance: await freePort() })));
    const urls = places.map(({ entrance }) => `http://127.0.0.1:${entrance}`);
    const links: Link[] = [];
    const entrances: Server[] = [];
    for (const [index, { peerPort, entrance }] of places.entries()) {
      const to = urls[index] ?? '';
      const inbound = new Map<string | undefined, TcpProxy>();
      for (const from of [undefined, ...urls.filter((url) => url !== to)]) {
        const proxy = await startProxy({ port: peerPort });
        inbound.set(from, proxy);
        links.push({ from, to, proxy });
      }
      entrances.push(await listen(entrance, (sender) => (inbound.get(sender) ?? inbound.get(undefined))?.port ?? 0));
    }
    return new PeerNetwork(urls, entrances, links);
  }

  isolated(url: string): boolean {
    return this.#isolated.has(url);
  }

  /** Drops everything between a member and the others, in both directions. */
  async isolate(url: string, how: 'stall' | 'cut'): Promise<void> {
    await this.join(url);
    this.#isolated.set(url, how);
    for (const { proxy } of this.#linksOf(url)) await (how === 'stall' ? proxy.stall() : proxy.cut());
  }

  /** Undoes `isolate`, except towards members that are isolated themselves. */
  async join(url: string): Promise<void> {
    if (!this.#isolated.delete(url)) return;
    for (const { from, to, proxy } of this.#linksOf(url)) {
      if (!this.isolated(to) && (from === undefined || !this.isolated(from))) await proxy.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entrance of this.#entrances) {
      entrance.close();
      entrance.closeAllConnections();
    }
    await Promise.all(this.#links.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
  }

  #linksOf(url: string): Link[] {
    return this.#links.filter(({ from, to }) => from === url || to === url);
  }
}

/** An HTTP server that forwards each request to the port for its sender. */
async function listen(port: number, portFor: (sender: string | undefined) => number): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const sender = incoming.headers['x-peerurls'];
    handOn(incoming, outgoing, portFor(sender === undefined ? undefined : String(sender)));
  });
  // Only the members close kept connections: closing one here just when a message comes would lose that message.
  server.keepAliveTimeout = 0;
  server.listen({ host: '127.0.0.1', port });
  await once(server, 'listening');
  return server;
}

/** If one side fails, the other is reset. */
function handOn(incoming: IncomingMessage, outgoing: ServerResponse, port: number): void {
  const { method, url: path, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  const fail = () => incoming.socket.resetAndDestroy();
  onward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    // The headers of a raft stream come long before its first message.
    outgoing.flushHeaders();
    pipeline(answer, outgoing, (error) => error && fail());
  });
  onward.on('error', fail);
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}
