import { setTimeout as delay } from 'node:timers/promises';
import { type Consul, type ConsulCluster, startConsulCluster } from '../../support/consul.js';
import { startProxy } from '../../support/proxy.js';
import type { ChaosBackend, Fault } from '../backend.js';
import type { Difference } from '../difference.js';
import type { Random } from '../random.js';
import { Balancer } from './balancer.js';
import { Ledger } from './ledger.js';
import { linkFaults } from './linkFaults.js';
import { AGENT } from './names.js';
import { Rates } from './rates.js';
import { serverFaults } from './serverFaults.js';
import type { Stage, Way } from './stage.js';
import { storeFaults } from './storeFaults.js';
import { type ConsulTarget, targetsOf } from './targets.js';
import { Writer } from './writer.js';

/** Short waits, so that a restored snapshot and a half-open link are noticed while the run lasts. */
export const WAIT_MS = 2_000;
/** What the adapter promises for such waits. */
const MAX_SILENCE_MS = WAIT_MS + WAIT_MS / 16 + 3_000;

/** How long a connection may take to go, ms: a load balancer keeps it for 5 s. */
const GONE_MS = 10_000;
/** Longer than any watch would wait to ask again. */
const QUIET_MS = 1_000;

/** The agent alone, which may answer questions about services from any server's state. */
export type ConsulThrough = 'agent';
/** Longer than any outage of a run: whatever the agent has heard is good enough for it. */
const AGENT_STALE = { discovery_max_stale: '10m' };

/** Three Consul servers and a client agent, each behind a link and a load balancer of its own. */
export class ConsulBackend implements ChaosBackend {
  readonly name: string;
  readonly targets: readonly ConsulTarget[];
  readonly faults: readonly Fault[];
  readonly writer: Writer;
  readonly truth: Ledger;
  readonly #stage: Stage;
  readonly #rates: Rates;

  private constructor(
    cluster: ConsulCluster,
    agent: Consul,
    ways: readonly Way[],
    rates: Rates,
    random: Random,
    through?: ConsulThrough,
  ) {
    const links = (consuls: readonly Consul[]): string[] =>
      ways.filter(({ consul }) => consuls.includes(consul)).map(({ link }) => link.endpoint);
    this.targets = targetsOf({
      servers: links(through === undefined ? cluster.servers : [agent]),
      agent: links([agent]),
    });
    this.name = through === undefined ? 'consul' : `consul --through ${through}`;
    this.truth = new Ledger(cluster.servers, this.targets);
    this.writer = new Writer(cluster.servers, agent, random, this.truth);
    this.#stage = { cluster, agent, ways, ledger: this.truth, maxSilenceMs: MAX_SILENCE_MS };
    this.#rates = rates;
    this.faults = [...serverFaults(this.#stage), ...linkFaults(this.#stage), ...storeFaults(this.#stage)];
  }

  static async start(random: Random, through?: ConsulThrough): Promise<ConsulBackend> {
    const cluster = await startConsulCluster(3, through === undefined ? {} : { config: AGENT_STALE });
    const agent = await cluster.startAgent(AGENT);
    const rates = new Rates();
    const ways = [...cluster.servers, agent].map(async (consul): Promise<Way> => {
      const balancer = await Balancer.start(consul.port, rates.note);
      return { consul, balancer, link: await startProxy(balancer) };
    });
    const backend = new ConsulBackend(cluster, agent, await Promise.all(ways), rates, random, through);
    await backend.writer.furnish();
    return backend;
  }

  get connections(): { readonly open: number; readonly total: number } {
    const links = this.#stage.ways.map(({ link }) => link.connections);
    const sum = (what: 'open' | 'total'): number => links.reduce((all, link) => all + link[what], 0);
    return { open: sum('open'), total: sum('total') };
  }

  /** Of the first server's link, `host:port`. */
  get endpoint(): string {
    return this.#stage.ways[0]?.link.endpoint ?? '';
  }

  get counts(): Record<string, unknown> {
    return { requests: this.#rates.requests, mostAboveRate: Number(this.#rates.mostOverdrawn.toFixed(1)) };
  }

  /** Each target has one request at a time, and no target more requests than is promised. */
  async inUse(): Promise<Difference[]> {
    const wrong = this.#rates.check();
    return [...wrong, ...(await this.#expectAtMost(this.targets.length, 'connections while all are live'))];
  }

  /** No connection stays open, and nothing is asked any more. */
  async leftovers(): Promise<Difference[]> {
    const wrong = await this.#expectAtMost(0, 'connections that watchers left behind');
    const { requests } = this.#rates;
    await delay(QUIET_MS);
    const more = this.#rates.requests - requests;
    return more === 0 ? wrong : [...wrong, { watcher: 'all', what: `${more} requests after the end` }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { cluster, agent, ways } = this.#stage;
    await this.writer.stop();
    await Promise.all(ways.map(({ link }) => link[Symbol.asyncDispose]()));
    await Promise.all(ways.map(({ balancer }) => balancer[Symbol.asyncDispose]()));
    await agent[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  }

  async #expectAtMost(most: number, what: string): Promise<Difference[]> {
    const waiting = (): number => this.#stage.ways.reduce((sum, { balancer }) => sum + balancer.open, 0);
    for (const late = performance.now() + GONE_MS; ; await delay(50)) {
      const { open } = this.connections;
      if (open <= most && waiting() <= most) return [];
      if (performance.now() > late) {
        const got = `${open} open, ${waiting()} requests under way`;
        return [{ watcher: 'all', what, expected: `at most ${most}`, got }];
      }
    }
  }
}
