import { type InspectOptions, inspect } from 'node:util';
import {
  type Collection,
  collect,
  type ItemMap,
  type Logger,
  type Quarantined,
  type Revision,
  type Status,
  systemTiming,
  type Timing,
  WatchError,
  type Watcher,
} from '@rollcall/core';
import { guardedLogger, Latest, type LatestValue, until } from '@rollcall/core/internal';
import { decodeRegistered, isKept, type Registered } from '../address/registered.js';
import type { Gate } from '../gate/types.js';
import { Decider } from './decider.js';
import { type BrokersExplained, explain } from './explain.js';
import { ForKafkajs } from './forKafkajs.js';
import { mapped } from './mapped.js';
import { missingFrom } from './missing.js';
import type { BrokerListOptions } from './options.js';
import { type BrokerListPolicy, checkedPolicy } from './options.js';
import { type BrokerListDecision, changeBetween, type RegistryBrokers } from './rule.js';
import type { BrokerList, BrokerListStats, BrokerUpdate } from './types.js';

type Stale = Extract<Status, { state: 'stale' }>;

/** Name of the checkpoint note that keeps the learned cluster id. */
const CLUSTER_NOTE = 'kafka.clusterId';

interface Published {
  readonly update: BrokerUpdate;
  /** All usable addresses of the registry; undefined for the fallback. */
  readonly usable: readonly string[] | undefined;
}

/**
 * The loop behind `brokerList()`: takes versions of a collection and publishes lists. Pure functions (`choose`,
 * `select`, `decide`) make the decisions.
 */
export class BrokerListView implements BrokerList {
  readonly list = (): Promise<string[]> =>
    this.#until(({ update }) => this.#forKafkajs.usable(update, this.#decider.forbidden), {});
  readonly gate: Gate;
  readonly #watcher: Watcher;
  readonly #policy: BrokerListPolicy;
  readonly #collection: Collection<Registered>;
  readonly #latest: Latest<Published>;
  readonly #status: LatestValue<Status>;
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #decider: Decider;
  readonly #forKafkajs: ForKafkajs;
  #closed = false;
  #told: Pick<BrokerList, 'quarantine' | 'held'>;
  #refused: Stale | undefined;
  #stats: BrokerListStats = { published: 0, seeds: 0, rebootstraps: 0, refusals: 0 };

  constructor(watcher: Watcher, options: BrokerListOptions, gate: Gate) {
    this.#watcher = watcher;
    this.gate = gate;
    this.#policy = checkedPolicy(options, gate);
    this.#logger = guardedLogger(options.logger);
    this.#timing = options.timing ?? systemTiming;
    this.#latest = new Latest(this.#logger);
    this.#forKafkajs = new ForKafkajs(this.#logger);
    this.#decider = new Decider({
      policy: this.#policy,
      gate,
      timing: this.#timing,
      logger: this.#logger,
      wholeKey: (key) => watcher.prefix + key,
      onLearned: (clusterId) => watcher.setNote(CLUSTER_NOTE, clusterId),
      missing: () => missingFrom(watcher, this.#collection),
      onDecision: (...decided) => this.#act(...decided),
    });
    this.#collection = collect(watcher, {
      // A key that equals the prefix is a folder marker, as `broker/kafka/`. An exact key has no "/" at its end.
      decode: (value, key, reject) =>
        decodeRegistered(value, key === '' && watcher.prefix.endsWith('/') ? '/' : key, reject),
      folders: true,
      quietMs: this.#policy.quietMs,
      maxQuietMs: this.#policy.maxQuietMs,
      guard: options.guard ?? true,
      logger: this.#logger,
      timing: this.#timing,
    });
    this.#status = Latest.of(this.#collection.status, this.#logger);
    this.#collection.onStatus((status) => this.#onStatus(status));
    this.#told = { quarantine: this.quarantine, held: this.held };
    this.#collection.onChange(() => this.#tellTrouble());
    this.#onStatus(this.#collection.status);
    void this.#run();
  }

  toJSON(): object {
    const { current: brokers, version, status } = this;
    return { brokers, version, status: status.state };
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `BrokerList ${inspect(this.toJSON(), options)}`;
  }

  get current(): readonly string[] {
    return this.#latest.value?.update.brokers ?? this.#policy.fallback ?? [];
  }

  get version(): number {
    return this.#latest.value?.update.version ?? 0;
  }

  get status(): Status {
    const { value: current } = this.#status;
    return current.state === 'live' ? this.#collection.status : current;
  }

  get quarantine(): ItemMap<Quarantined> {
    return this.#collection.quarantine;
  }

  get held(): ReadonlySet<string> {
    return this.#collection.held;
  }

  get stats(): BrokerListStats {
    return this.#stats;
  }

  explain(): BrokersExplained {
    const { quarantine, held, items } = this.#collection;
    return explain({
      prefix: this.#watcher.prefix,
      revisionOf: (key) => this.#watcher.snapshot?.entries.get(key)?.revision,
      fates: this.#decider.fates,
      quarantine,
      isKept: (key) => isKept(items.get(key), quarantine.get(key)),
      held,
      brokers: this.#decider.brokers,
      decision: this.#decider.decision,
    });
  }

  ready(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<BrokerUpdate> {
    return this.#until(({ update }) => ({ ...update, change: 'first' }), options);
  }

  updates(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<BrokerUpdate> {
    let seen: readonly string[] | undefined;
    return mapped(this.#latest.read(options.signal), ({ update, usable }) => {
      const change = changeBetween(seen, usable ?? []);
      seen = usable ?? seen;
      return { ...update, change };
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<BrokerUpdate> {
    return this.updates();
  }

  onChange(listener: () => void): () => void {
    return this.#latest.onChange(listener);
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#status.onChange(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#decider.stop();
    this.#latest.end();
    this.#status.set({ state: 'closed' });
    this.#status.end();
    await this.#collection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    try {
      await this.#recallCluster();
      for await (const version of this.#collection) {
        // A listener may have closed the list after this version was taken.
        if (this.#closed) return;
        this.#decider.follow(version);
      }
      await this.close();
    } catch (error) {
      this.#decider.stop();
      this.#useFallback();
      this.#latest.end(WatchError.from(error));
    }
  }

  /** Before brokers are asked: a process that starts again must not learn another cluster. */
  async #recallCluster(): Promise<void> {
    if (this.#policy.probeMs === undefined || this.gate.clusterId !== undefined) return;
    const known = await this.#watcher.note(CLUSTER_NOTE).catch(() => undefined);
    if (known !== undefined) this.gate.learn(known);
  }

  #act(decision: BrokerListDecision, { brokers, usable }: RegistryBrokers, revision: Revision): void {
    const isRefused = decision.change === 'refuse';
    if (isRefused) this.#refuse(decision);
    else this.#endRefusal();
    this.#tellStatus();
    if (isRefused) this.#useFallback();
    else if (decision.change !== 'same') {
      const { change, reason } = decision;
      this.#publish({ brokers, change, source: 'registry', revision }, reason, usable);
    }
  }

  #publish(update: Omit<BrokerUpdate, 'version'>, reason: string, usable?: readonly string[]): void {
    this.#count('published');
    if (update.change !== 'first') this.#count(update.change === 'seeds' ? 'seeds' : 'rebootstraps');
    this.#latest.set({ update: { ...update, version: this.version + 1 }, usable });
    this.#logger.info({ ...update, reason }, 'The bootstrap list changed.');
  }

  #count(what: keyof BrokerListStats): void {
    this.#stats = { ...this.#stats, [what]: this.#stats[what] + 1 };
  }

  #useFallback(): void {
    const { fallback } = this.#policy;
    if (fallback === undefined || this.#latest.value !== undefined) return;
    this.#publish({ brokers: fallback, change: 'first', source: 'fallback' }, 'The registry gives no list.');
    this.#logger.warn({ brokers: fallback }, 'The registry gives no list: the fallback is used until it does.');
  }

  #onStatus(status: Status): void {
    if (status.state === 'connecting' && status.error !== undefined) this.#useFallback();
    this.#tellStatus();
  }

  #refuse({ code, reason }: Extract<BrokerListDecision, { change: 'refuse' }>): void {
    const stays = this.version === 0 ? 'There is no list yet' : 'The list stays as it was';
    const error = new WatchError(
      code,
      `${reason} ${stays}; "rollcall brokers --explain" and explain() tell what became of each key.`,
    );
    const before = this.#refused;
    // Also if the reason is the same: a broker that kafkajs waits for may be usable again.
    this.#latest.wake();
    if (before?.error.message === error.message) return;
    this.#refused = { state: 'stale', code, error, since: before?.since ?? this.#timing.wallNow(), attempt: 0 };
    if (before?.code !== code) {
      this.#count('refusals');
      this.#logger.warn({ code, brokers: this.current }, error.message);
    }
  }

  #endRefusal(): void {
    if (this.#refused === undefined) return;
    this.#refused = undefined;
    this.#logger.info({}, 'What the registry names is followed again.');
    this.#latest.wake();
  }

  /** A changed item alone is not reported: if it changes the list, the list reports it. */
  #tellTrouble(): void {
    const { quarantine, held } = this.#collection;
    if (this.#told.quarantine === quarantine && this.#told.held === held) return;
    this.#told = { quarantine, held };
    this.#latest.wake();
  }

  /** An unreachable registry outranks a refusal: a refusal shows only while the watch is live. */
  #tellStatus(): void {
    const { status } = this.#collection;
    const told = status.state === 'live' ? (this.#refused ?? status) : status;
    const { value: current } = this.#status;
    // A live status is a new object after each proof, so it is compared by its fields.
    const same = told === current || (told.state === 'live' && current.state === 'live');
    if (!same && this.#latest.ended === undefined) this.#status.set(told);
  }

  #until<T>(
    pick: (published: Published) => T | undefined,
    options: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<T> {
    const answer = (): T | undefined => {
      if (this.#closed) throw new WatchError('CLOSED', 'The broker list is closed.');
      const { value, ended } = this.#latest;
      const picked = value && pick(value);
      if (picked === undefined && ended?.error !== undefined) throw ended.error;
      return picked;
    };
    const lastError = (): WatchError | undefined => ('error' in this.status ? this.status.error : undefined);
    return until(answer, (wake) => this.#latest.subscribe(wake), { ...options, timing: this.#timing, lastError });
  }
}
