import { WatchError } from '../model/errors.js';
import type { Batch, Change, Snapshot, Watcher } from '../model/types.js';

/** How long a change may be held back: see `ReadOptions`. */
interface QuietPeriod {
  readonly quietMs?: number | undefined;
  readonly maxQuietMs?: number | undefined;
}

/** What a batch makes of one collection, ready to be shown. */
export interface PreparedVersion {
  /** From now on the collection shows it. Tells nobody. */
  show(): void;
  /** Wakes those who read the collection. */
  tell(): void;
}

/** A collection, as its group sees it. */
export interface GroupMember {
  prepare(batch: Batch): Promise<PreparedVersion>;
  /** The watcher was closed. */
  end(): void;
  fail(error: WatchError): void;
}

const groups = new WeakMap<Watcher, Map<string, CollectionGroup>>();

/**
 * The collections of one watcher handle. They take each batch together: what was prepared for all of them is shown at
 * once, so that whoever looks at two of them sees one state of the watcher. Collections with another quiet period are
 * another group.
 */
export class CollectionGroup {
  readonly #members = new Set<GroupMember>();
  /** Those that wait for a first batch of their own. */
  readonly #late = new Set<GroupMember>();
  /** Ends the wait for a member whose decoder still works when it leaves. */
  readonly #onLeave = new Map<GroupMember, () => void>();
  readonly #end = new AbortController();
  readonly #forget: () => void;
  /** The newest state that the members show, or are about to. */
  #snapshot: Snapshot | undefined;
  /** Decoding may be asynchronous: batches, and what fresh reads say, are applied one after the other. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(watcher: Watcher, { quietMs, maxQuietMs }: QuietPeriod, forget: () => void) {
    this.#forget = forget;
    const quiet = {
      ...(quietMs === undefined ? {} : { quietMs }),
      ...(maxQuietMs === undefined ? {} : { maxQuietMs }),
    };
    void this.#run(watcher.batches({ signal: this.#end.signal, ...quiet }));
  }

  /** The group of a watcher's collections that read alike. */
  static of(watcher: Watcher, quiet: QuietPeriod): CollectionGroup {
    const alike = `${quiet.quietMs}/${quiet.maxQuietMs}`;
    const those = groups.get(watcher) ?? new Map<string, CollectionGroup>();
    groups.set(watcher, those);
    const found = those.get(alike);
    if (found !== undefined) return found;
    const group: CollectionGroup = new CollectionGroup(watcher, quiet, () => {
      // Another may have taken its place before this one ended.
      if (those.get(alike) === group) those.delete(alike);
    });
    those.set(alike, group);
    return group;
  }

  join(member: GroupMember): void {
    this.#members.add(member);
    if (this.#snapshot === undefined) return;
    // The others have had the first batch: this one gets a first batch of its own.
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

  /** Runs a step when those before it are done. It must not throw. */
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
      // A defect of our own; the others go on.
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
