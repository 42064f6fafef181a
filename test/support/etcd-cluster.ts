import { untilReady } from '../../servers/ready.mjs';
import { allOrNone } from './all-or-none.js';
import { Etcd, type EtcdOptions } from './etcd.js';
import { PeerNetwork } from './etcd-peers.js';
import { onFreePorts } from './ports.js';

/** How long a cluster on a busy machine may take: many election timeouts. */
const LEADER_TIMEOUT_MS = 20_000;
/** By default members have 5 s each. */
const ANSWER_IN_TIME = ['--dial-timeout=2s', '--command-timeout=2s'];

/** Without `dataDir`: each member needs its own. */
export interface EtcdClusterOptions extends Omit<EtcdOptions, 'dataDir'> {
  /** Members reach each other through proxies of the test; `partition` and `heal` need them. Default: false. */
  readonly partitionable?: boolean;
}

/** Several members of one cluster. */
export class EtcdCluster implements AsyncDisposable {
  readonly members: readonly Etcd[];
  readonly #network: PeerNetwork | undefined;

  private constructor(members: readonly Etcd[], network: PeerNetwork | undefined) {
    this.members = members;
    this.#network = network;
  }

  /** @param ports two for each member */
  static async start(
    ports: readonly number[],
    { partitionable = false, ...options }: EtcdClusterOptions,
  ): Promise<EtcdCluster> {
    const places = Array.from({ length: ports.length / 2 }, (_, index) => ({
      clientPort: ports[2 * index] ?? 0,
      peerPort: ports[2 * index + 1] ?? 0,
    }));
    const peerPorts = places.map(({ peerPort }) => peerPort);
    const network = partitionable ? await PeerNetwork.start(peerPorts) : undefined;
    const peerUrls = network?.urls ?? peerPorts.map((port) => `http://127.0.0.1:${port}`);
    const initialCluster = peerUrls.map((peerUrl, index) => `etcd${index}=${peerUrl}`).join(',');
    // etcd's defaults are 100 and 1000, for members on several machines: a new leader would take over a second longer.
    const flags = ['--heartbeat-interval=50', '--election-timeout=500', ...(options.flags ?? [])];
    const starts = places.map((place, index) => {
      const membership = { name: `etcd${index}`, peerUrl: peerUrls[index] ?? '', initialCluster };
      return Etcd.start(place, membership, { ...options, flags });
    });
    try {
      return new EtcdCluster(await allOrNone(starts), network);
    } catch (error) {
      await network?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `127.0.0.1:port` of every member. */
  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint);
  }

  /** The leader of the members that are not partitioned; waits while there is none. */
  async leader(): Promise<Etcd> {
    let leader: Etcd | undefined;
    await untilReady(async () => {
      const candidates = this.members.filter((member) => member.running && !this.#isolated(member));
      leader = await Promise.any(candidates.map(leading));
      return true;
    }, AbortSignal.timeout(LEADER_TIMEOUT_MS));
    if (leader === undefined) throw new Error('the etcd cluster has no leader');
    return leader;
  }

  /**
   * Partitions a member from its peers, but not from its clients. `stall`: connections stay open and carry nothing, as
   * when packets are dropped. `cut`: they are reset, and new ones refused. The member loses its leader within one or
   * two election timeouts.
   */
  partition(member: Etcd, how: 'stall' | 'cut' = 'stall'): Promise<void> {
    return this.#peers.isolate(member.membership.peerUrl, how);
  }

  /** Ends the partition of one member, or of all. What was stalled is delivered now. */
  async heal(member?: Etcd): Promise<void> {
    for (const one of member ? [member] : this.members) await this.#peers.join(one.membership.peerUrl);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
    await this.#network?.[Symbol.asyncDispose]();
  }

  get #peers(): PeerNetwork {
    if (this.#network === undefined)
      throw new Error('startEtcdCluster(…, { partitionable: true }) is what parts peers');
    return this.#network;
  }

  #isolated(member: Etcd): boolean {
    return this.#network?.isolated(member.membership.peerUrl) ?? false;
  }
}

/** The member's own id. @throws unless it leads; a paused one does not answer */
async function leading(member: Etcd): Promise<Etcd> {
  const question = ['endpoint', 'status', '-w', 'json', ...ANSWER_IN_TIME];
  const [{ Status: status }] = JSON.parse(await member.etcdctl(question)) as [EndpointStatus];
  // As JavaScript numbers both 64-bit ids lose the same digits, so they can be compared.
  if (status.leader !== status.header.member_id) throw new Error(`${member.endpoint} does not lead`);
  return member;
}

interface EndpointStatus {
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
}

/** A cluster of real etcd members, ready when each of them knows the leader. */
export function startEtcdCluster(size: number, options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  return onFreePorts(2 * size, (ports) => EtcdCluster.start(ports, options));
}
