import { Latest } from '../feed/latest.js';
import { StatusFeed } from '../feed/statusFeed.js';
import { until } from '../feed/until.js';
import { WatchError } from '../model/errors.js';
import type { Revision } from '../model/revision.js';
import type { Batch, Change, Entry, ReadResult, Snapshot, Status, Watcher } from '../model/types.js';
import { guardedLogger, type Logger } from '../runtime/logger.js';
import { Slices } from '../runtime/slices.js';
import { systemTiming, type Timing } from '../runtime/timing.js';
import type { CollectionVersion, SingleCollection } from './collection.js';
import { decodeValue, type Outcome } from './decode.js';
import { DeleteGuard, heldBack } from './guard.js';
import type { ItemMap } from './items.js';
import type { CollectOptions, SingleOptions } from './options.js';
import { oneKey, type Selection, underPrefix } from './selection.js';
import { applyDecoded, countKeys, type Decoded, type DecodedPut, nothingDecoded, type Quarantined } from './state.js';

/** How many keys a log line names: a line for each of ten thousand would drown the rest. */
const NAMED_KEYS = 10;

/** Stands for the outcome of a decoder that has not finished. */
const PENDING = { reason: 'not decoded yet' };

type Put = { readonly key: string; readonly revision: Revision; readonly entry: Entry };

/** The loop behind `collect()`: batches in, versions out. What becomes of a key is decided by pure functions. */
export class CollectionView<T> implements SingleCollection<T> {
  readonly #watcher: Watcher;
  readonly #options: CollectOptions<T> | SingleOptions<T>;
  readonly #timing: Timing;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  readonly #latest: Latest<CollectionVersion<T>>;
  readonly #status: StatusFeed;
  readonly #selection: Selection;
  readonly #guard: DeleteGuard;
  readonly #stopStatus: () => void;
  #decoded: Decoded<T> = nothingDecoded();
  #snapshot: Snapshot | undefined;
  /** Decoding may be asynchronous: batches and what a fresh read says are applied one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(watcher: Watcher, options: CollectOptions<T> | SingleOptions<T>) {
    this.#options = options;
    this.#timing = options.timing ?? systemTiming;
    this.#logger = guardedLogger(options.logger);
    this.#latest = new Latest(this.#logger);
    const { single } = options;
    this.#selection = single === undefined ? underPrefix(options.prefix ?? '') : oneKey(nameOf(single));
    this.#status = new StatusFeed(watcher.status, this.#logger);
    this.#guard = new DeleteGuard({
      timing: this.#timing,
      logger: this.#logger,
      read: (signal) => watcher.read({ signal }),
      settle: (answer, signal) => this.#inTurn(() => this.#settle(answer, signal)),
    });
    const { quietMs, maxQuietMs } = options;
    const batches = watcher.batches({
      signal: this.#closing.signal,
      ...(quietMs === undefined ? {} : { quietMs }),
      ...(maxQuietMs === undefined ? {} : { maxQuietMs }),
    });
    this.#watcher = watcher;
    this.#stopStatus = watcher.onStatus((status) => this.#status.set(status));
    void this.#run(batches);
  }

  get items(): ItemMap<T> {
    return this.#decoded.items;
  }

  get quarantine(): ItemMap<Quarantined> {
    return this.#decoded.quarantine;
  }

  get version(): number {
    return this.#latest.value?.version ?? 0;
  }

  get held(): ReadonlySet<string> {
    return this.#guard.held;
  }

  get status(): Status {
    const { current } = this.#status;
    return current.state === 'live' ? this.#watcher.status : current;
  }

  get value(): T | undefined {
    return this.get(nameOf(this.#options.single ?? true));
  }

  get(key: string): T | undefined {
    return this.items.get(key);
  }

  ready(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<CollectionVersion<T>> {
    const answer = (): CollectionVersion<T> | undefined => {
      if (this.#latest.ended !== undefined) throw this.#latest.ended.error ?? closedError();
      return this.#latest.value;
    };
    const lastError = (): WatchError | undefined => ('error' in this.status ? this.status.error : undefined);
    return until(answer, (wake) => this.#latest.subscribe(wake), { ...options, timing: this.#timing, lastError });
  }

  versions(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<CollectionVersion<T>> {
    return this.#latest.read(options.signal);
  }

  [Symbol.asyncIterator](): AsyncIterator<CollectionVersion<T>> {
    return this.versions();
  }

  onChange(listener: () => void): () => void {
    return this.#latest.onChange(listener);
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#latest.ended === undefined ? this.#status.listen(listener) : () => {};
  }

  close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#stopStatus();
      this.#guard.stop();
      this.#latest.end();
      this.#status.set({ state: 'closed' });
      this.#status.clear();
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(batches: AsyncIterable<Batch>): Promise<void> {
    try {
      for await (const batch of batches) await this.#inTurn(() => this.#take(batch));
      await this.close();
    } catch (error) {
      this.#fail(WatchError.from(error));
    }
  }

  #fail(error: WatchError): void {
    this.#stopStatus();
    this.#guard.stop();
    this.#latest.end(error);
    // A watcher that failed has told so; a defect of our own has not.
    if (this.status.state !== 'failed') this.#status.set({ state: 'failed', error });
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(step);
    return this.#turn;
  }

  async #take(batch: Batch): Promise<void> {
    const changes = this.#selection.changes(batch.changes);
    const known = countKeys(this.#decoded);
    const held = this.#options.guard === true ? heldBack(batch.cause, changes, this.#guard.held, known) : [];
    const kept = new Set(held);
    const gone = changes.flatMap(({ type, key }) => (type === 'delete' && !kept.has(key) ? [key] : []));
    // A swap is somebody's wish: what the old backend's guard still held is not kept against it.
    if (batch.cause === 'swap') gone.push(...[...this.#guard.held].filter((key) => !this.#isIn(batch, key)));
    const puts = await this.#decode(changes.filter((change) => this.#isNew(change)) as Put[]);
    if (this.#closing.signal.aborted) return;
    this.#snapshot = batch.snapshot;
    await this.#commit(puts, gone, () => {
      this.#guard.release([...changes.map(({ key }) => key), ...gone]);
      this.#guard.hold(held);
    });
    if (held.length > 0)
      this.#warn(held, `A resync did not find ${held.length} of ${known} keys; they stay until a read confirms it.`);
  }

  /** The fresh read counts: gone is gone; what it finds stays, and stays held until the watch shows it too. */
  async #settle({ entries, revision }: ReadResult, signal: AbortSignal): Promise<void> {
    const gone: string[] = [];
    const there: Put[] = [];
    for (const key of this.#guard.held) {
      const entry = entries.get(this.#selection.whole(key));
      if (entry === undefined) gone.push(key);
      else there.push({ key, entry, revision: entry.revision ?? revision });
    }
    const puts = await this.#decode(there);
    if (signal.aborted) return;
    await this.#commit(puts, gone, () => this.#guard.release(gone));
    if (gone.length > 0) this.#warn(gone, `A read confirms that ${gone.length} keys are gone; they are removed.`);
    if (there.length > 0) {
      const keys = there.map(({ key }) => key);
      this.#warn(keys, `A read finds ${there.length} keys that the last resync did not; they stay.`);
    }
  }

  #isIn({ snapshot }: Batch, key: string): boolean {
    return snapshot.entries.has(this.#selection.whole(key));
  }

  /** Whether a change needs decoding: bytes that were good before are good again. */
  #isNew(change: Change): boolean {
    if (change.type !== 'put') return false;
    const { key, entry, previous } = change;
    if (previous === undefined || this.quarantine.has(key) || !this.items.has(key)) return true;
    return Buffer.compare(entry.value, previous.value) !== 0;
  }

  async #decode(puts: readonly Put[]): Promise<DecodedPut<T>[]> {
    const slices = new Slices();
    const decoded: DecodedPut<T>[] = [];
    const waiting: { at: number; outcome: Promise<Outcome<T>> }[] = [];
    for (const { key, revision, entry } of puts) {
      const outcome = decodeValue(this.#options, entry.value, key);
      if (outcome instanceof Promise) waiting.push({ at: decoded.length, outcome });
      decoded.push({ key, revision, outcome: outcome instanceof Promise ? PENDING : outcome });
      if (slices.isOver) await slices.turn();
    }
    for (const { at, outcome } of waiting) {
      decoded[at] = { ...(decoded[at] as DecodedPut<T>), outcome: await outcome };
    }
    return decoded;
  }

  async #commit(puts: readonly DecodedPut<T>[], gone: readonly string[], updateGuard: () => void): Promise<void> {
    const before = { ...this.#decoded, held: this.held };
    const decoded = await applyDecoded(before, puts, gone, this.#timing.wallNow());
    if (this.#closing.signal.aborted) return;
    this.#decoded = decoded;
    updateGuard();
    this.#warnOfBad(puts, before.quarantine);
    const { items, quarantine } = this.#decoded;
    const { revision, epoch } = this.#snapshot as Snapshot;
    if (this.version === 0 || items !== before.items) {
      this.#latest.set({ version: this.version + 1, revision, epoch, items });
    } else if (quarantine !== before.quarantine || this.held !== before.held) {
      this.#latest.wake();
    }
  }

  #warnOfBad(puts: readonly DecodedPut<T>[], before: ItemMap<Quarantined>): void {
    const bad = puts.flatMap(({ key }) => (before.has(key) ? [] : (this.quarantine.get(key) ?? [])));
    if (bad.length === 0) return;
    const named = bad.slice(0, NAMED_KEYS).map(({ key, revision, reason }) => ({ key, revision, reason }));
    this.#logger.warn(
      { quarantined: named, count: bad.length },
      `${bad.length === 1 ? 'A key has a value' : `${bad.length} keys have values`} that cannot be used.`,
    );
  }

  #warn(keys: readonly string[], message: string): void {
    this.#logger.warn({ keys: keys.slice(0, NAMED_KEYS), count: keys.length }, message);
  }
}

/** The key of a watcher of one exact key is empty. */
function nameOf(single: true | string): string {
  return single === true ? '' : single;
}

function closedError(): WatchError {
  return new WatchError('CLOSED', 'The collection is closed.');
}
