import { WatchError } from '../model/errors.js';
import type { Batch, Change, Snapshot, Watcher } from '../model/types.js';

/** The quiet period of a group: see `ReadOptions`. */
interface QuietPeriod {
  readonly quietMs?: number | undefined;
  readonly maxQuietMs?: number | undefined;
}

/** One collection's next version, ready to be shown. */
export interface PreparedVersion {
  /** Makes the collection show the version. Wakes nobody. */
  show(): void;
  /** Wakes the collection's readers. */
  tell(): void;
}

/** A collection, as its group uses it. */
export interface GroupMember {
  prepare(batch: Batch): Promise<PreparedVersion>;
  /** Called when the watcher is closed. */
  end(): void;
  fail(error: WatchError): void;
}

const groups = new WeakMap<Watcher, Map<string, CollectionGroup>>();

/**
 * The collections of one watcher handle that have the same quiet period. They take each batch together: the next
 * versions of all are prepared, then shown at once, so that two of them always show the same batch. Only keys that a
 * collection's `guard` holds may differ.
 */
export class CollectionGroup {
  readonly #members = new Set<GroupMember>();
  /** Members that wait for a first batch of their own. */
  readonly #late = new Set<GroupMember>();
  /** Ends the wait for a member that leaves while its decoder works. */
  readonly #onLeave = new Map<GroupMember, () => void>();
  readonly #end = new AbortController();
  readonly #forget: () => void;
  /** The newest state that the members show or prepare. */
  #snapshot: Snapshot | undefined;
  /**
   * The queue of steps. Decoding may be asynchronous, and batches, and the full reads with which a `DeleteGuard`
   * confirms deletes, are applied one after another.
   */
  #turn: Promise<void> = Promise.resolve();

  private constructor(watcher: Watcher, { quietMs, maxQuietMs }: QuietPeriod, forget: () => void) {
    this.#forget = forget;
    const quiet = {
      ...(quietMs === undefined ? {} : { quietMs }),
      ...(maxQuietMs === undefined ? {} : { maxQuietMs }),
    };
    void this.#run(watcher.batches({ signal: this.#end.signal, ...quiet }));
  }

  /** The group for a watcher and a quiet period. */
  static of(watcher: Watcher, quiet: QuietPeriod): CollectionGroup {
    const alike = `${quiet.quietMs}/${quiet.maxQuietMs}`;
    const those = groups.get(watcher) ?? new Map<string, CollectionGroup>();
    groups.set(watcher, those);
    const found = those.get(alike);
    if (found !== undefined) return found;
    const group: CollectionGroup = new CollectionGroup(watcher, quiet, () => {
      // Another group may have replaced it meanwhile.
      if (those.get(alike) === group) those.delete(alike);
    });
    those.set(alike, group);
    return group;
  }

  join(member: GroupMember): void {
    this.#members.add(member);
    if (this.#snapshot === undefined) return;
    // The others have had the first batch already: this member gets one of its own.
    this.#late.add(member);
    void this.inTurn(async () => {
      if (!this.#late.delete(member) || this.#snapshot === undefined) return;
      await this.#take(initialOf(this.#snapshot), [member]);
    });
  }

  leave(member: GroupMember): void {
    this.#members.delete(member);
    this.#late.delete(member);
    this.#onLeave.get(member)?.();
    if (this.#members.size > 0) return;
    this.#forget();
    this.#end.abort();
  }

  /** Runs a step after those before it. The step must not throw. */
  inTurn(step: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(step);
    return this.#turn;
  }

  async #run(batches: AsyncIterable<Batch>): Promise<void> {
    try {
      for await (const batch of batches) await this.inTurn(() => this.#takeAll(batch));
      for (const member of this.#over()) member.end();
    } catch (error) {
      for (const member of this.#over()) member.fail(WatchError.from(error));
    }
  }

  #takeAll(batch: Batch): Promise<void> {
    return this.#take(
      batch,
      [...this.#members].filter((member) => !this.#late.has(member)),
    );
  }

  #over(): readonly GroupMember[] {
    this.#forget();
    return [...this.#members];
  }

  async #take(batch: Batch, members: readonly GroupMember[]): Promise<void> {
    this.#snapshot = batch.snapshot;
    const prepared = await Promise.all(members.map((member) => this.#prepare(member, batch)));
    for (const each of prepared) each?.show();
    for (const each of prepared) each?.tell();
  }

  async #prepare(member: GroupMember, batch: Batch): Promise<PreparedVersion | undefined> {
    try {
      const left = new Promise<undefined>((resolve) => this.#onLeave.set(member, () => resolve(undefined)));
      return await Promise.race([member.prepare(batch), left]);
    } catch (error) {
      // A defect of our own; other members go on.
      this.leave(member);
      member.fail(WatchError.from(error));
      return undefined;
    } finally {
      this.#onLeave.delete(member);
    }
  }
}

function initialOf(snapshot: Snapshot): Batch {
  const changes: Change[] = [];
  for (const [key, entry] of snapshot.entries) {
    changes.push({ type: 'put', key, entry, revision: entry.revision ?? snapshot.revision });
  }
  return { snapshot, changes, cause: 'initial', coalesced: false };
}
