import type { Registry, Snapshot, Status, Watcher } from '@rollcall/core';
import type { ChaosTarget, Truth } from './backend.js';
import type { Bell } from './bell.js';
import { type Difference, differences } from './difference.js';
import type { Random } from './random.js';
import { type Manner, Reader } from './reader.js';

/** What all followers of a run share. */
export interface Following {
  readonly registry: Registry;
  readonly truth: Truth;
  /** Rung at each batch and each change of status. */
  readonly bell: Bell;
  /** The era in which a target's watch was told of something last: what its state is about while it is stale. */
  readonly eras: Map<ChaosTarget, number>;
  readonly tally: Tally;
}

/** What followers saw. */
export interface Tally {
  /** Times a long-lived watcher was no longer live. */
  outages: number;
  /** The longest that one of them was not, ms. */
  longestStaleMs: number;
  longestCloseMs: number;
  batches: number;
  epochs: number;
  /** How often each error was the reason, over all watchers. */
  readonly codes: Record<string, number>;
}

/** `close()` is to settle within 1 s; what the machine does meanwhile comes on top. */
const CLOSE_MS = 3_000;

/** One handle, with its readers. */
export class Follower {
  readonly name: string;
  readonly target: ChaosTarget;
  readonly watcher: Watcher;
  readonly readers: readonly Reader[];
  readonly #following: Following;
  readonly #forget: () => void;
  readonly #epochs = new Set<number>();
  #staleSince: number | undefined;
  #outages = 0;

  constructor(name: string, target: ChaosTarget, manners: readonly Manner[], following: Following, random: Random) {
    const { registry, truth, bell, eras } = following;
    this.name = name;
    this.target = target;
    this.#following = following;
    this.watcher = registry.watch(target.url, target.prefix === undefined ? {} : { prefix: target.prefix });
    this.#forget = this.watcher.onStatus((status) => this.#onStatus(status));
    void this.#markEras();
    this.readers = manners.map((manner) => {
      const reader = `${name} (${manner})`;
      return new Reader({
        name: reader,
        watcher: this.watcher,
        manner,
        random: random.fork(),
        account: truth.account(reader, target, manner === 'prompt'),
        era: () => eras.get(target) ?? truth.era,
        outages: () => this.#outages,
        onTold: () => {
          this.#epochs.add(this.watcher.snapshot?.epoch ?? 0);
          bell.ring();
        },
      });
    });
  }

  get live(): boolean {
    return this.watcher.status.state === 'live';
  }

  /** Whether it holds, and has told, all that happened to its target, as far as is known. */
  get caughtUp(): boolean {
    const { snapshot } = this.watcher;
    if (!this.live || snapshot === undefined) return false;
    return (
      this.#following.truth.isCurrent(this.target, snapshot) && this.readers.every((reader) => reader.agrees(snapshot))
    );
  }

  /**
   * Takes down what it holds and has told at this moment.
   * @returns what compares that with the server's own answer, as soon as all that happened until now is known
   */
  capture(): () => Promise<Difference[]> {
    const { caughtUp } = this;
    const { snapshot, status } = this.watcher;
    const readers = this.readers.map((reader) => reader.capture(snapshot));
    return async () => {
      if (snapshot === undefined) return [{ watcher: this.name, what: 'it has no state', got: explain(status) }];
      const what = `it did not catch up from revision ${snapshot.revision}`;
      const behind = caughtUp ? [] : [{ watcher: this.name, what, got: explain(status) }];
      const told = readers.flatMap((check) => check());
      return [...behind, ...(await this.#compare(snapshot)), ...told];
    };
  }

  /** @returns what was told wrongly since the last check; for one that is closed. */
  checkTold(): Difference[] {
    return this.readers.flatMap((reader) => reader.capture(undefined)());
  }

  /** @returns what is wrong about the end. */
  async close(): Promise<Difference[]> {
    const { tally } = this.#following;
    tally.batches += this.readers.reduce((sum, { batches }) => sum + batches, 0);
    tally.epochs = Math.max(tally.epochs, this.#epochs.size);
    const began = performance.now();
    await this.watcher.close();
    const ms = performance.now() - began;
    tally.longestCloseMs = Math.max(tally.longestCloseMs, ms);
    this.#forget();
    await Promise.all(this.readers.map((reader) => reader.close()));
    return ms < CLOSE_MS ? [] : [{ watcher: this.name, what: `close() took ${Math.round(ms)} ms` }];
  }

  async #compare(snapshot: Snapshot): Promise<Difference[]> {
    const { truth } = this.#following;
    const { revision, entries } = snapshot;
    try {
      const answer = await truth.answerAt(this.target, revision);
      return differences(answer, new Map(entries), this.target.same).map(({ key, ...each }) => ({
        watcher: this.name,
        what: `its state at revision ${revision} is not the server's`,
        key: this.watcher.prefix + key,
        ...each,
        events: truth.lastEvents(this.watcher.prefix + key, revision),
      }));
    } catch (error) {
      const what = `the server does not answer for its revision ${revision}`;
      return [{ watcher: this.name, what, got: String(error) }];
    }
  }

  /** What comes while a watch catches up is of the present era too, though the watch is not live yet. */
  async #markEras(): Promise<void> {
    const { eras, truth } = this.#following;
    for await (const { cause } of this.watcher) if (cause !== 'initial') eras.set(this.target, truth.era);
  }

  #onStatus(status: Status): void {
    const { tally, eras, truth, bell } = this.#following;
    if (status.state === 'live') {
      eras.set(this.target, truth.era);
      if (this.#staleSince !== undefined) {
        tally.longestStaleMs = Math.max(tally.longestStaleMs, performance.now() - this.#staleSince);
      }
      this.#staleSince = undefined;
    }
    if (status.state === 'stale') {
      tally.codes[status.code] = (tally.codes[status.code] ?? 0) + 1;
      if (this.#staleSince === undefined) {
        this.#outages++;
        tally.outages++;
      }
      this.#staleSince ??= performance.now();
    }
    bell.ring();
  }
}

function explain(status: Status): string {
  return 'error' in status && status.error ? `${status.state}: ${status.error.message}` : status.state;
}
