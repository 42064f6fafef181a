import { setTimeout as delay } from 'node:timers/promises';
import type { EtcdVersion } from '../../support/etcd.js';
import { type EtcdCluster, startEtcdCluster } from '../../support/etcd-cluster.js';
import type { ChaosBackend, ChaosTarget, Fault } from '../backend.js';
import type { Difference } from '../difference.js';
import type { Random } from '../random.js';
import { Ledger } from './ledger.js';
import { linkFaults } from './linkFaults.js';
import { memberFaults } from './memberFaults.js';
import { Members } from './members.js';
import { storeFaults } from './storeFaults.js';
import { targetsOf } from './targets.js';
import { type EtcdThrough, type Way, wayTo } from './way.js';
import { Writer } from './writer.js';

/** How long a server may take to notice that a stream has gone, ms. */
const GONE_MS = 10_000;

/** Gauges of what watchers cost a server. */
const STREAMS = 'etcd_debugging_mvcc_watch_stream_total';
const WATCHES = 'etcd_debugging_mvcc_watcher_total';

/** Three etcd members, each behind a link of its own, or all behind what stands between. */
export class EtcdBackend implements ChaosBackend {
  readonly name: string;
  readonly targets: readonly ChaosTarget[];
  readonly faults: readonly Fault[];
  readonly writer: Writer;
  readonly truth: Ledger;
  readonly #cluster: EtcdCluster;
  readonly #way: Way;
  readonly #members: readonly Members[];

  private constructor(
    cluster: EtcdCluster,
    way: Way,
    writer: Writer,
    truth: Ledger,
    [members, ...others]: readonly [Members, ...Members[]],
  ) {
    const { links } = way;
    this.name = way.name;
    this.#cluster = cluster;
    this.#way = way;
    this.#members = [members, ...others];
    this.writer = writer;
    this.truth = truth;
    this.targets = targetsOf(links.map(({ endpoint }) => endpoint));
    const stage = { cluster, members, links, ledger: truth, writer };
    this.faults = [...memberFaults(stage), ...linkFaults(stage), ...storeFaults(stage), ...way.faults];
  }

  static async start(version: EtcdVersion, random: Random, through?: EtcdThrough): Promise<EtcdBackend> {
    const cluster = await startEtcdCluster(3, { version, partitionable: true });
    const way = await wayTo(cluster, version, through);
    const own = new Members(cluster);
    const writers = new Members(cluster);
    const writer = new Writer(cluster, writers, random);
    const ledger = await Ledger.begin(own, () => writer.takeAcknowledged());
    return new EtcdBackend(cluster, way, writer, ledger, [own, writers]);
  }

  /** Of the links, `host:port`. */
  get endpoints(): readonly string[] {
    return this.#way.links.map(({ endpoint }) => endpoint);
  }

  get connections(): { readonly open: number; readonly total: number } {
    const sum = (what: 'open' | 'total'): number =>
      this.#way.links.reduce((all, link) => all + link.connections[what], 0);
    return { open: sum('open'), total: sum('total') };
  }

  /** All watchers share one connection and one stream; each target is one watch on the server. */
  inUse(): Promise<Difference[]> {
    return this.#expect('what watchers that all live use', { shared: 1, watches: this.targets.length });
  }

  leftovers(): Promise<Difference[]> {
    return this.#expect('what watchers that are all closed leave behind', { shared: 0, watches: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.stop();
    for (const members of this.#members) members.close();
    await this.#way[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
  }

  async #expect(what: string, { shared, watches }: { shared: number; watches: number }): Promise<Difference[]> {
    const expected = cost(shared, shared, watches);
    for (const late = performance.now() + GONE_MS; ; await delay(50)) {
      const got = cost(this.connections.open, await this.#sum(STREAMS), await this.#sum(WATCHES));
      // What stands between has streams and watches of its own on the servers.
      if (got === expected || (!this.#way.direct && this.connections.open === shared)) return [];
      if (performance.now() > late) return [{ watcher: 'all', what, expected, got }];
    }
  }

  async #sum(gauge: string): Promise<number> {
    const [members] = this.#members;
    const values = await Promise.all((members?.all ?? []).map((gateway) => gateway.metric(gauge)));
    return values.reduce((sum, value) => sum + value, 0);
  }
}

function cost(connections: number, streams: number, watches: number): string {
  return `${connections} connections, ${streams} streams, ${watches} watches`;
}
