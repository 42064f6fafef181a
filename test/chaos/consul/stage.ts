import { untilReady } from '../../../servers/ready.mjs';
import type { Consul, ConsulCluster } from '../../support/consul.js';
import type { TcpProxy } from '../../support/proxy.js';
import type { Random } from '../random.js';
import type { Balancer } from './balancer.js';
import type { Ledger } from './ledger.js';

/** The watchers' way to one server or agent: a link, a load balancer, and then the agent. */
export interface Way {
  readonly consul: Consul;
  readonly link: TcpProxy;
  readonly balancer: Balancer;
}

/** What the faults work on. */
export interface Stage {
  readonly cluster: ConsulCluster;
  /** The client agent. */
  readonly agent: Consul;
  /** To each server, and to the client agent. */
  readonly ways: readonly Way[];
  readonly ledger: Ledger;
  /** The longest that a watcher may take to notice that nothing comes any more, ms. */
  readonly maxSilenceMs: number;
}

const HEALTHY_MS = 30_000;

/** Mostly a server whose link carries watchers: there a fault is felt at once. */
export function victim({ cluster, ways }: Stage, random: Random): Consul {
  const used = cluster.servers.filter((server) =>
    ways.some(({ consul, link }) => consul === server && link.connections.open > 0),
  );
  return random.pick(used.length > 0 && random.chance(0.6) ? used : cluster.servers);
}

/** Waits until each of them takes a write, so that it knows a leader. */
export async function untilHealthy({ cluster, agent }: Stage): Promise<void> {
  const all = [...cluster.servers, agent].map((consul) =>
    untilReady(async () => {
      const { body } = await consul.http('/v1/kv/other/0', { method: 'PUT', timeoutMs: 10_000 });
      return body.trim() === 'true';
    }, AbortSignal.timeout(HEALTHY_MS)),
  );
  await Promise.all(all);
}
