import {
  type Collection,
  collect,
  type Endpoint,
  type ItemMap,
  Latest,
  type Logger,
  type Quarantined,
  type Revision,
  type Status,
  StatusFeed,
  silentLogger,
  systemTiming,
  type Timing,
  until,
  WatchError,
  type Watcher,
} from '@rollcall/core';
import type { BrokerList, BrokerListOptions, BrokerUpdate } from './brokerList.js';
import { decodeBrokers } from './decode.js';
import { parseEndpoint } from './endpoint.js';
import { bootstrapServers, decide, forKafkajs } from './publish.js';

const QUIET_MS = 200;
const MAX_QUIET_MS = 2000;

type Shortage = Extract<Status, { state: 'stale' }>;

/** The loop behind `brokerList()`: a collection's versions in, lists out. */
export class BrokerListView implements BrokerList {
  readonly list = (): Promise<string[]> => this.#listForKafkajs();
  readonly #collection: Collection<readonly Endpoint[]>;
  readonly #latest: Latest<BrokerUpdate>;
  readonly #status: StatusFeed;
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #minBrokers: number;
  readonly #fallback: readonly string[] | undefined;
  #closed = false;
  #told: Pick<BrokerList, 'quarantine' | 'held'>;
  #shortage: Shortage | undefined;
  #warnedVersion = 0;

  constructor(watcher: Watcher, options: BrokerListOptions) {
    this.#logger = options.logger ?? silentLogger;
    this.#timing = options.timing ?? systemTiming;
    this.#latest = new Latest(this.#logger);
    this.#minBrokers = checkedMinBrokers(options.minBrokers ?? 1);
    this.#fallback = options.fallback && checkedFallback(options.fallback);
    this.#collection = collect(watcher, {
      decode: (value, key, reject) => decodeBrokers(value, watcher.prefix + key, reject),
      quietMs: options.quietMs ?? QUIET_MS,
      maxQuietMs: options.maxQuietMs ?? Math.max(MAX_QUIET_MS, options.quietMs ?? 0),
      guard: options.guard ?? true,
      logger: this.#logger,
      timing: this.#timing,
    });
    this.#status = new StatusFeed(this.#collection.status, this.#logger);
    this.#collection.onStatus((status) => this.#onStatus(status));
    this.#told = { quarantine: this.quarantine, held: this.held };
    this.#collection.onChange(() => this.#tellTrouble());
    this.#onStatus(this.#collection.status);
    void this.#run();
  }

  get current(): readonly string[] {
    return this.#latest.value?.brokers ?? this.#fallback ?? [];
  }

  get version(): number {
    return this.#latest.value?.version ?? 0;
  }

  get status(): Status {
    return this.#status.current;
  }

  get quarantine(): ItemMap<Quarantined> {
    return this.#collection.quarantine;
  }

  get held(): ReadonlySet<string> {
    return this.#collection.held;
  }

  ready(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<BrokerUpdate> {
    return this.#until((update) => update, options);
  }

  updates(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<BrokerUpdate> {
    return this.#latest.read(options.signal);
  }

  [Symbol.asyncIterator](): AsyncIterator<BrokerUpdate> {
    return this.updates();
  }

  onChange(listener: () => void): () => void {
    return this.#latest.onChange(listener);
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#latest.ended === undefined ? this.#status.listen(listener) : () => {};
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#latest.end();
    this.#status.set({ state: 'closed' });
    this.#status.clear();
    await this.#collection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    try {
      for await (const { items, revision } of this.#collection) this.#follow(items, revision);
      await this.close();
    } catch (error) {
      this.#useFallback();
      this.#latest.end(WatchError.from(error));
    }
  }

  #follow(items: ItemMap<readonly Endpoint[]>, revision: Revision): void {
    const found = bootstrapServers([...items.values()].flat());
    const { value } = this.#latest;
    const followed = value?.source === 'registry' ? value.brokers : undefined;
    const decision = decide(followed, found, this.#minBrokers);
    this.#setShortage(decision === 'too-few' ? found.length : undefined);
    if (decision === 'too-few') this.#useFallback();
    if (decision === 'publish') this.#publish({ brokers: found, source: 'registry', revision });
  }

  #publish(update: Omit<BrokerUpdate, 'version'>): void {
    this.#latest.set({ ...update, version: this.version + 1 });
    this.#logger.info(update, 'The bootstrap list changed.');
  }

  #useFallback(): void {
    if (this.#fallback === undefined || this.#latest.value !== undefined) return;
    this.#publish({ brokers: this.#fallback, source: 'fallback' });
    this.#logger.warn({ brokers: this.#fallback }, 'The registry gives no list: the fallback is used until it does.');
  }

  #onStatus(status: Status): void {
    if (status.state === 'connecting' && status.error !== undefined) this.#useFallback();
    this.#tellStatus();
  }

  #setShortage(found: number | undefined): void {
    if (found === undefined) {
      if (this.#shortage !== undefined) this.#logger.info({}, 'The registry names enough brokers again.');
      this.#shortage = undefined;
    } else {
      const message = `The registry names ${found} usable brokers, fewer than ${this.#minBrokers}: ${this.version === 0 ? 'there is no list yet' : 'the list stays as it was'}. Register brokers, or see the quarantine for why they are not usable.`;
      const error = new WatchError('TOO_FEW_BROKERS', message);
      if (this.#shortage === undefined) this.#logger.warn({ code: error.code, brokers: this.current }, message);
      const since = this.#shortage?.since ?? this.#timing.wallNow();
      this.#shortage = { state: 'stale', code: error.code, error, since, attempt: 0 };
    }
    this.#tellStatus();
  }

  /** Items that change are no news by themselves: the list they make may be the same, and tells for itself. */
  #tellTrouble(): void {
    const { quarantine, held } = this.#collection;
    if (this.#told.quarantine === quarantine && this.#told.held === held) return;
    this.#told = { quarantine, held };
    this.#latest.wake();
  }

  /** A registry that cannot be reached is the greater trouble: a shortage shows only while the watch is live. */
  #tellStatus(): void {
    const { status } = this.#collection;
    const told = status.state === 'live' ? (this.#shortage ?? status) : status;
    if (told !== this.#status.current && this.#latest.ended === undefined) this.#status.set(told);
  }

  #until<T>(
    pick: (update: BrokerUpdate) => T | undefined,
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

  #listForKafkajs(): Promise<string[]> {
    return this.#until(({ brokers, version }) => {
      const { usable, leftOut } = forKafkajs(brokers);
      if (leftOut.length > 0 && this.#warnedVersion !== version) {
        this.#warnedVersion = version;
        this.#logger.warn(
          { brokers: leftOut },
          'kafkajs cannot read IPv6 addresses: these brokers are left out for it.',
        );
      }
      return usable.length > 0 ? usable : undefined;
    }, {});
  }
}

function checkedMinBrokers(minBrokers: number): number {
  if (Number.isInteger(minBrokers) && minBrokers >= 1) return minBrokers;
  throw new WatchError('INVALID_OPTION', `"minBrokers" must be a whole number, 1 or more; it is ${minBrokers}.`);
}

function checkedFallback(fallback: readonly string[]): readonly string[] {
  if (fallback.length === 0) {
    throw new WatchError('INVALID_OPTION', '"fallback" names no broker; leave it out or give at least one.');
  }
  const endpoints = fallback.map((address, at) => {
    try {
      return parseEndpoint(address);
    } catch (error) {
      const why = (error as Error).message;
      throw new WatchError('INVALID_OPTION', `"fallback[${at}]" is not a broker's address: ${why}.`, { cause: error });
    }
  });
  return bootstrapServers(endpoints);
}
