import { type Change, compareRevisions, type Entry } from '@rollcall/core';
import { compareKeys } from '@rollcall/core/internal';
import type { Account, Told } from '../backend.js';
import { type Difference, sameEntry, sameValue, show } from '../difference.js';
import { isOfServer, isSteady } from './names.js';
import { wellFormed } from './operations.js';
import type { Asks } from './targets.js';

/** What can be said about the store between two checkpoints. Times are monotonic, ms. */
export interface Knowledge {
  /** The last checkpoint by that time. What is told while one is passed is checked at the next. */
  checkpointBefore(at: number): number;
  /** Whether in between the store may have gone back to an earlier state. */
  wasRestored(since: number, until: number): boolean;
  /** Whether in between another server may have begun to lead, or the same one anew. */
  hadElection(since: number, until: number): boolean;
  /** Whether by that time a key or an instance can have been deleted since the last checkpoint. */
  mayHaveGone(name: string, at: number): boolean;
  /** For people. */
  timeOf(at: number): string;
  lastEvents(key: string): string[];
}

export interface AccountOptions {
  readonly watcher: string;
  readonly asks: Asks;
  /**
   * Whether its answers may be of a leader that has not replayed its log yet, or does not know that it no longer leads: so in
   * every mode of consistency but the strictest. They are then of an earlier state, also of one before all keys.
   */
  readonly lags: boolean;
  /** No batch may cover two answers. */
  readonly prompt: boolean;
  readonly ledger: Knowledge;
}

/** Services that have a steady instance; `consul` are the servers themselves. */
const STEADY_SERVICES: readonly string[] = ['consul', 'web', 'api'];

/**
 * What one reader was told, held against what cannot have happened: Consul has no history that says what did. A delete must be of
 * something that can have gone, a value one that was written to its key, and nothing may go back unless the store did.
 */
export class AnswerAccount implements Account {
  readonly #options: AccountOptions;
  readonly #state = new Map<string, Entry>();
  /** What was told to be gone since the last checkpoint. */
  readonly #gone = new Map<string, Entry>();
  #checkpoint = 0;
  #last: Told | undefined;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  check(told: Told): Difference[] {
    const { watcher, ledger } = this.#options;
    const { cause, revision, epoch, at } = told;
    const checkpoint = ledger.checkpointBefore(at);
    if (checkpoint !== this.#checkpoint) this.#gone.clear();
    this.#checkpoint = checkpoint;
    const place = `the ${cause} batch at revision ${revision} of epoch ${epoch}, told at ${ledger.timeOf(at)}`;
    const found = [
      ...this.#order(told).map((what) => ({ watcher, what: `${place}: ${what}` })),
      ...told.changes.flatMap((change) =>
        this.#change(change, told).map((what) => this.#about(change, `${place}: ${what}`)),
      ),
    ];
    this.#last = told;
    return found;
  }

  /** Whether the batch comes after the last, and its changes after one another. */
  #order({ cause, changes, coalesced, epoch, revision, at }: Told): string[] {
    const { prompt } = this.#options;
    const last = this.#last;
    const wrong: string[] = [];
    if ((cause === 'initial') !== (last === undefined)) wrong.push('an initial batch is the first one, and no other');
    if (changes.length === 0 && cause !== 'initial') wrong.push('it tells nothing');
    if (coalesced && prompt) wrong.push('it is coalesced, although its reader never waits');
    if (last?.epoch === epoch && compareRevisions(revision, last.revision) <= 0) {
      wrong.push(`revision ${last.revision} was told before, in the same epoch`);
    }
    if (last !== undefined && last.epoch !== epoch && !this.#mayGoBack(last.at, at)) {
      wrong.push(`a new epoch after ${last.epoch}, although no earlier state was restored`);
    }
    const inOrder = changes.every((change, index) => {
      const before = changes[index - 1];
      if (before === undefined) return true;
      return (compareRevisions(before.revision, change.revision) || compareKeys(before.key, change.key)) < 0;
    });
    if (!inOrder) wrong.push('its changes are out of order');
    return wrong;
  }

  #change(change: Change, told: Told): string[] {
    const { key, previous } = change;
    const was = this.#state.get(key);
    const known = previous === undefined ? was === undefined : was !== undefined && sameValue(previous, was);
    const wrong = known ? [] : ['what it was before is not what was told before'];
    if (change.type === 'put') {
      wrong.push(...this.#put(key, change.entry, told));
      this.#state.set(key, change.entry);
    } else {
      if (!change.synthetic) wrong.push('a delete is not called synthetic, although Consul tells none');
      if (!this.#mayHaveGone(key, told.at)) wrong.push('it was told to be deleted, and nobody deleted it');
      this.#gone.set(key, change.previous);
      this.#state.delete(key);
    }
    return wrong;
  }

  #put(key: string, entry: Entry, { at, epoch }: Told): string[] {
    const { asks } = this.#options;
    const was = this.#state.get(key);
    const wrong: string[] = [];
    if (was !== undefined && (this.#last?.epoch === epoch ? sameEntry : sameValue)(was, entry)) {
      wrong.push('it is told again');
    }
    if (asks.kind === 'kv' && !wellFormed(asks.prefix + key, Buffer.from(entry.value).toString())) {
      wrong.push('its value was never written to it');
    }
    if (this.#mayGoBack(this.#checkpoint, at)) return wrong;
    if (was?.revision !== undefined && entry.revision !== undefined) {
      if (compareRevisions(entry.revision, was.revision) < 0) wrong.push('it went back to an earlier version');
    }
    const gone = this.#gone.get(key);
    if (gone !== undefined && this.#tellsAll && gone.createRevision === entry.createRevision) {
      wrong.push('it was told to be deleted, and never was: it is as old as before');
    }
    return wrong;
  }

  /** Whether what exists is told: who asks for passing instances is told less. */
  get #tellsAll(): boolean {
    const { asks } = this.#options;
    return asks.kind === 'kv' || (asks.kind === 'service' && !asks.passing);
  }

  #mayGoBack(since: number, until: number): boolean {
    const { lags, ledger } = this.#options;
    return ledger.wasRestored(since, until) || (lags && ledger.hadElection(since, until));
  }

  #mayHaveGone(key: string, at: number): boolean {
    const { asks, lags, ledger } = this.#options;
    if (lags && ledger.hadElection(this.#checkpoint, at)) return true;
    if (asks.kind === 'kv') return ledger.mayHaveGone(asks.prefix + key, at);
    if (asks.kind === 'catalog') return asks.of === 'nodes' ? isOfServer(key) : !STEADY_SERVICES.includes(key);
    return asks.passing ? !isSteady(key) : ledger.mayHaveGone(key, at);
  }

  #about(change: Change, what: string): Difference {
    const { watcher, asks, ledger } = this.#options;
    const key = asks.kind === 'kv' ? asks.prefix + change.key : change.key;
    const got = `${show(change.previous)} -> ${change.type === 'put' ? show(change.entry) : 'deleted'}`;
    return { watcher, what, key, got, events: ledger.lastEvents(key) };
  }
}
