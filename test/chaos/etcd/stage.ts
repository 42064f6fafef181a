import { untilReady } from '../../../servers/ready.mjs';
import type { Etcd } from '../../support/etcd.js';
import type { EtcdCluster } from '../../support/etcd-cluster.js';
import type { TcpProxy } from '../../support/proxy.js';
import type { Random } from '../random.js';
import { headOf } from './archive.js';
import type { Ledger } from './ledger.js';
import type { Members } from './members.js';
import type { Writer } from './writer.js';

/** What the faults work on. */
export interface Stage {
  readonly cluster: EtcdCluster;
  readonly members: Members;
  /** The watchers' way to each member, in the members' order. */
  readonly links: readonly TcpProxy[];
  readonly ledger: Ledger;
  readonly writer: Writer;
}

const HEALTHY_MS = 30_000;

/** Mostly the member whose link carries the watchers: there a fault is felt at once. */
export function victim({ cluster, links }: Stage, random: Random): Etcd {
  const used = cluster.members.filter((_, index) => (links[index]?.connections.open ?? 0) > 0);
  return random.pick(used.length > 0 && random.chance(0.6) ? used : cluster.members);
}

/** The links that carry watchers now. */
export function linksInUse({ links }: Stage): TcpProxy[] {
  return links.filter(({ connections }) => connections.open > 0);
}

/** Waits until a member answers for the quorum. */
export async function untilHealthy({ members }: Stage, member: Etcd): Promise<void> {
  const ask = async (): Promise<boolean> => (await headOf(members.of(member))) > 0n;
  await untilReady(ask, AbortSignal.timeout(HEALTHY_MS));
}
