import type { Batch, Entry, Snapshot, Watcher } from '@rollcall/core';
import type { Account, Told } from './backend.js';
import { Bell } from './bell.js';
import { type Difference, differences, sameEntry, sameValue } from './difference.js';
import type { Random } from './random.js';

/** How a reader reads: each batch at once, stalling after each, or with a quiet period. */
export type Manner = 'prompt' | 'slow' | 'quiet';

export interface ReaderOptions {
  readonly name: string;
  readonly watcher: Watcher;
  readonly manner: Manner;
  readonly random: Random;
  readonly account: Account;
  /** Which history of the store the watcher's present state is about. */
  era(): number;
  /** How often the watcher has been stale. */
  outages(): number;
  onTold(): void;
}

const LONGEST_STALL_MS = 3_000;
const QUIET_MS = 150;

/** One reader of a watcher, with a model made of the told changes alone. */
export class Reader {
  readonly name: string;
  readonly #options: ReaderOptions;
  readonly #iterator: AsyncIterator<Batch>;
  readonly #model = new Map<string, { readonly entry: Entry; readonly epoch: number }>();
  readonly #running: Promise<void>;
  readonly #hurried = new Bell();
  #hurry = false;
  #told: Told[] = [];
  #wrong: Difference[] = [];
  #version = 0;
  #epoch = 0;
  #outages = 0;
  #batches = 0;

  constructor(options: ReaderOptions) {
    this.name = options.name;
    this.#options = options;
    this.#iterator = options.watcher.batches(options.manner === 'quiet' ? { quietMs: QUIET_MS } : {});
    this.#running = this.#run();
  }

  get batches(): number {
    return this.#batches;
  }

  /** No more stalls, or stalls again. */
  set hurry(hurry: boolean) {
    this.#hurry = hurry;
    this.#hurried.ring();
  }

  /** Whether the told changes amount to the snapshot. */
  agrees(snapshot: Snapshot): boolean {
    return this.#against(snapshot).length === 0;
  }

  /**
   * Takes down what was told since the last call.
   * @returns what says, as soon as all that happened until now is known, what was told wrongly, and where it does not amount
   *   to the snapshot
   */
  capture(snapshot: Snapshot | undefined): () => Difference[] {
    const told = this.#told;
    const wrong = this.#wrong;
    this.#told = [];
    this.#wrong = [];
    const model = snapshot === undefined ? [] : this.#against(snapshot);
    const { prefix } = this.#options.watcher;
    const what = "the told changes do not amount to the watcher's state";
    return () => [
      ...wrong,
      ...told.flatMap((each) => this.#options.account.check(each)),
      ...model.map(({ key, ...each }) => ({ watcher: this.name, what, key: prefix + key, ...each })),
    ];
  }

  async close(): Promise<void> {
    this.hurry = true;
    await this.#iterator.return?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const result = await this.#iterator.next();
        if (result.done) return;
        this.#take(result.value);
        if (this.#options.manner === 'slow') await this.#stall();
      }
    } catch (error) {
      // Every fault here is one that passes: nothing may end a watch.
      this.#complain(`it ended: ${error}`);
    }
  }

  #take({ snapshot, changes, cause, coalesced }: Batch): void {
    const { revision, epoch } = snapshot;
    const { version } = this.#options.watcher;
    if (version < this.#version) this.#complain(`its version went from ${this.#version} back to ${version}`);
    if (epoch < this.#epoch) this.#complain(`its epoch went from ${this.#epoch} back to ${epoch}`);
    this.#version = version;
    this.#epoch = epoch;
    this.#batches++;
    const { era, outages } = this.#options;
    const afterOutage = outages() > this.#outages;
    this.#outages = outages();
    this.#told.push({ revision, epoch, at: performance.now(), changes, cause, coalesced, era: era(), afterOutage });
    for (const change of changes) {
      if (change.type === 'put') this.#model.set(change.key, { entry: change.entry, epoch });
      else if (!this.#model.delete(change.key))
        this.#complain('it was told to delete what it did not have', change.key);
    }
    this.#options.onTold();
  }

  /** Of a key told in an earlier epoch only the bytes are known: its revision meant something there. */
  #against({ entries, epoch }: Snapshot): ReturnType<typeof differences> {
    const expected = new Map(entries);
    const got = new Map(Array.from(this.#model, ([key, { entry }]) => [key, entry]));
    const earlier = new Set(
      Array.from(this.#model.values(), (held) => (held.epoch === epoch ? undefined : held.entry)),
    );
    return differences(expected, got, (there, here) => (earlier.has(here) ? sameValue : sameEntry)(there, here));
  }

  async #stall(): Promise<void> {
    const { random } = this.#options;
    await this.#hurried.until(() => this.#hurry, Math.round(LONGEST_STALL_MS * random.next() ** 2));
  }

  #complain(what: string, key?: string): void {
    this.#wrong.push({ watcher: this.name, what, ...(key === undefined ? {} : { key }) });
    this.#options.onTold();
  }
}
