import { TcpBalancer } from '../../between/balancers.js';
import { GrpcProxy } from '../../between/grpcProxy.js';
import type { EtcdVersion } from '../../support/etcd.js';
import type { EtcdCluster } from '../../support/etcd-cluster.js';
import { startProxy, type TcpProxy } from '../../support/proxy.js';
import type { Fault } from '../backend.js';

/** What may stand between the watchers and all members. */
export type EtcdThrough = 'grpc-proxy' | 'balancer';

/** How watchers reach the members. */
export interface Way extends AsyncDisposable {
  /** For the report: what `npm run chaos --` takes. */
  readonly name: string;
  /** One to each member, in their order; one to what stands between. */
  readonly links: readonly TcpProxy[];
  /** Whether nothing stands between the links and the members. */
  readonly direct: boolean;
  /** What happens to that which stands between. */
  readonly faults: readonly Fault[];
}

export async function wayTo(cluster: EtcdCluster, version: EtcdVersion, through?: EtcdThrough): Promise<Way> {
  const { members } = cluster;
  if (through === undefined) {
    const links = await Promise.all(members.map((member) => startProxy(member)));
    return { name: 'etcd', links, direct: true, faults: [], [Symbol.asyncDispose]: () => dispose(links) };
  }
  const name = `etcd --through ${through}`;
  if (through === 'grpc-proxy') {
    const proxy = await GrpcProxy.start(cluster.endpoints, { version });
    const link = await startProxy({ port: Number(new URL(`http://${proxy.endpoint}`).port) });
    const faults = [restart('grpc-proxy killed and started again', () => proxy.restart())];
    return { name, links: [link], direct: false, faults, [Symbol.asyncDispose]: () => dispose([link, proxy]) };
  }
  const balancer = await TcpBalancer.start(members.map(({ port }) => port));
  const link = await startProxy(balancer);
  const faults = [restart('connections of the balancer reset', async () => balancer.drop())];
  return { name, links: [link], direct: false, faults, [Symbol.asyncDispose]: () => dispose([link, balancer]) };
}

function restart(name: string, run: () => Promise<void>): Fault {
  return { name, lane: 'servers', lastsMs: [0, 0], run };
}

async function dispose(all: readonly AsyncDisposable[]): Promise<void> {
  for (const each of all) await each[Symbol.asyncDispose]();
}
