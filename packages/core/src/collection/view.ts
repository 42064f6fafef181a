import { Latest, type LatestValue } from '../feed/latest.js';
import { until } from '../feed/until.js';
import { WatchError } from '../model/errors.js';
import type { Batch, Change, ReadResult, Snapshot, Status, Watcher } from '../model/types.js';
import { guardedLogger, type Logger } from '../runtime/logger.js';
import { systemTiming, type Timing } from '../runtime/timing.js';
import { BuiltItems, type BuiltMap } from './built.js';
import type { CollectionVersion, Dispose, SingleCollection } from './collection.js';
import type { Shown } from './decode.js';
import { CollectionGroup, type GroupMember, type PreparedVersion } from './group.js';
import { DeleteGuard, heldBack } from './guard.js';
import type { ItemMap } from './items.js';
import type { CollectOptions, SingleOptions } from './options.js';
import { type CollectedPut, type DecodedPut, decodeAll } from './puts.js';
import { type KeySelection, oneKey, underPrefix } from './selection.js';
import { applyDecoded, countKeys, type DecodedState, nothingDecoded, type Quarantined } from './state.js';

/** The most keys that one log line names. */
const NAMED_KEYS = 10;

/** The collection that `collect()` makes: it turns batches into versions. Pure functions decide about each key. */
export class CollectionView<T, U> implements SingleCollection<Shown<T, U>>, GroupMember {
  readonly #watcher: Watcher;
  readonly #options: CollectOptions<T, U> | SingleOptions<T, U>;
  readonly #timing: Timing;
  readonly #logger: Logger;
  readonly #group: CollectionGroup;
  readonly #latest: Latest<CollectionVersion<Shown<T, U>>>;
  readonly #status: LatestValue<Status>;
  readonly #selection: KeySelection;
  readonly #guard: DeleteGuard;
  readonly #stopStatus: () => void;
  readonly #built = new Set<{ update(keys: Iterable<string>): void; close(): Promise<void> }>();
  #decoded: DecodedState<Shown<T, U>> = nothingDecoded();
  /** The watcher's state that is shown now. */
  #snapshot: Snapshot | undefined;
  #isClosed = false;

  constructor(watcher: Watcher, options: CollectOptions<T, U> | SingleOptions<T, U>) {
    this.#options = options;
    this.#timing = options.timing ?? systemTiming;
    this.#logger = guardedLogger(options.logger);
    this.#latest = new Latest(this.#logger);
    const { single, prefix = '', folders = false } = options;
    const selected = (): KeySelection => underPrefix(prefix, { folders, watched: watcher.prefix });
    this.#selection = single === undefined ? selected() : oneKey(nameOf(single));
    this.#status = Latest.of(watcher.status, this.#logger);
    this.#group = CollectionGroup.of(watcher, options);
    this.#guard = new DeleteGuard({
      timing: this.#timing,
      logger: this.#logger,
      read: (signal) => watcher.read({ signal }),
      settle: (answer, signal) => this.#group.inTurn(() => this.#settle(answer, signal)),
    });
    this.#watcher = watcher;
    this.#stopStatus = watcher.onStatus((status) => this.#status.set(status));
    this.#group.join(this);
  }

  get items(): ItemMap<Shown<T, U>> {
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
    const { value: current } = this.#status;
    return current.state === 'live' ? this.#watcher.status : current;
  }

  get value(): Shown<T, U> | undefined {
    return this.get(nameOf(this.#options.single ?? true));
  }

  get(key: string): Shown<T, U> | undefined {
    return this.items.get(key);
  }

  ready(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<CollectionVersion<Shown<T, U>>> {
    const answer = (): CollectionVersion<Shown<T, U>> | undefined => {
      if (this.#latest.ended !== undefined) throw this.#latest.ended.error ?? closedError();
      return this.#latest.value;
    };
    const lastError = (): WatchError | undefined => ('error' in this.status ? this.status.error : undefined);
    return until(answer, (wake) => this.#latest.subscribe(wake), { ...options, timing: this.#timing, lastError });
  }

  versions(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<CollectionVersion<Shown<T, U>>> {
    return this.#latest.read(options.signal);
  }

  [Symbol.asyncIterator](): AsyncIterator<CollectionVersion<Shown<T, U>>> {
    return this.versions();
  }

  onChange(listener: () => void): () => void {
    return this.#latest.onChange(listener);
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#status.onChange(listener);
  }

  each<B>(build: (item: Shown<T, U>, key: string) => B, dispose?: Dispose<B>): BuiltMap<B> {
    const built: BuiltItems<Shown<T, U>, B> = new BuiltItems({
      items: () => this.items,
      build,
      ...(dispose === undefined ? {} : { dispose }),
      logger: this.#logger,
      onClose: () => this.#built.delete(built),
    });
    if (this.#isClosed) void built.close();
    else this.#built.add(built);
    return built;
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#stop();
      this.#latest.end();
      this.#status.set({ state: 'closed' });
      this.#status.end();
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async prepare(batch: Batch): Promise<PreparedVersion> {
    const changes = this.#selection.changes(batch.changes);
    const known = countKeys(this.#decoded);
    const held = this.#options.guard === true ? heldBack(batch.cause, changes, this.#guard.held, known) : [];
    const kept = new Set(held);
    const gone = changes.flatMap(({ type, key }) => (type === 'delete' && !kept.has(key) ? [key] : []));
    // A swap is the user's wish: keys that the guard held for the old backend are released.
    if (batch.cause === 'swap') gone.push(...[...this.#guard.held].filter((key) => !this.#isIn(batch, key)));
    const puts = await decodeAll(this.#options, changes.filter((change) => this.#isNew(change)) as CollectedPut[]);
    const prepared = await this.#prepared(puts, gone, batch.snapshot, () => {
      this.#guard.release([...changes.map(({ key }) => key), ...gone]);
      this.#guard.hold(held);
    });
    const tell = (): void => {
      prepared.tell();
      if (held.length === 0) return;
      this.#warn(held, `A resync did not find ${held.length} of ${known} keys; they stay until a read confirms it.`);
    };
    return { ...prepared, tell };
  }

  end(): void {
    void this.close();
  }

  fail(error: WatchError): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#latest.end(error);
    // A failed watcher has reported its error already; a defect of our own has not.
    if (this.status.state !== 'failed') this.#status.set({ state: 'failed', error });
  }

  /**
   * Applies a confirming read: keys that it does not find are deleted; keys that it finds stay held until the watch
   * shows them.
   */
  async #settle({ entries, revision }: ReadResult, signal: AbortSignal): Promise<void> {
    const gone: string[] = [];
    const there: CollectedPut[] = [];
    for (const key of this.#guard.held) {
      const entry = entries.get(this.#selection.whole(key));
      if (entry === undefined) gone.push(key);
      else there.push({ key, entry, revision: entry.revision ?? revision });
    }
    const puts = await decodeAll(this.#options, there);
    if (signal.aborted) return;
    const { show, tell } = await this.#prepared(puts, gone, this.#snapshot as Snapshot, () =>
      this.#guard.release(gone),
    );
    show();
    tell();
    if (gone.length > 0) this.#warn(gone, `A read confirms that ${gone.length} keys are gone; they are removed.`);
    if (there.length > 0) {
      const keys = there.map(({ key }) => key);
      this.#warn(keys, `A read finds ${there.length} keys that the last resync did not; they stay.`);
    }
  }

  /** Stops taking batches. */
  #stop(): void {
    this.#isClosed = true;
    this.#stopStatus();
    this.#guard.stop();
    this.#group.leave(this);
    for (const built of [...this.#built]) void built.close();
  }

  #isIn({ snapshot }: Batch, key: string): boolean {
    return snapshot.entries.has(this.#selection.whole(key));
  }

  /** Whether a change needs decoding. Equal bytes are decoded again if the key is in quarantine. */
  #isNew(change: Change): boolean {
    if (change.type !== 'put') return false;
    const { key, entry, previous } = change;
    if (previous === undefined || this.quarantine.has(key) || !this.items.has(key)) return true;
    return Buffer.compare(entry.value, previous.value) !== 0;
  }

  /** Prepares the state after puts and deletes. */
  async #prepared(
    puts: readonly DecodedPut<Shown<T, U>>[],
    gone: readonly string[],
    snapshot: Snapshot,
    updateGuard: () => void,
  ): Promise<PreparedVersion> {
    const before = this.#decoded;
    const decoded = await applyDecoded(before, puts, gone, this.#timing.wallNow());
    const { items, quarantine } = decoded;
    let isTold = this.version === 0 || items !== before.items || quarantine !== before.quarantine;
    const show = (): void => {
      if (this.#isClosed) return;
      const { held } = this;
      this.#snapshot = snapshot;
      this.#decoded = decoded;
      updateGuard();
      isTold ||= held !== this.held;
      if (this.version > 0 && items === before.items) return;
      this.#latest.replace({ version: this.version + 1, revision: snapshot.revision, epoch: snapshot.epoch, items });
      for (const built of this.#built) built.update([...puts.map(({ key }) => key), ...gone]);
    };
    const tell = (): void => {
      if (this.#isClosed) return;
      this.#warnOfBad(puts, before.quarantine);
      if (isTold) this.#latest.wake();
    };
    return { show, tell };
  }

  #warnOfBad(puts: readonly DecodedPut<Shown<T, U>>[], before: ItemMap<Quarantined>): void {
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

/** A watcher of one exact key names it "". */
function nameOf(single: true | string): string {
  return single === true ? '' : single;
}

function closedError(): WatchError {
  return new WatchError('CLOSED', 'The collection is closed.');
}
