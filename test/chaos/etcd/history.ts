import type { Entry } from '@rollcall/core';
import { show } from '../difference.js';

/** What happened to one key at one revision; without an entry it was deleted. */
export interface KeyEvent {
  readonly key: string;
  readonly entry: Entry | undefined;
}

/** All that happened at one revision. */
export interface Commit {
  readonly revision: bigint;
  readonly events: readonly KeyEvent[];
}

/** Which keys a watch is about, and what it calls them. */
export interface Scope {
  readonly prefix: string;
  readonly exact: boolean;
}

const LAST_EVENTS = 6;

/** One history of a store from a base on: every revision, whole. */
export class History {
  #base: ReadonlyMap<string, Entry>;
  #baseRevision: bigint;
  #commits: Commit[] = [];
  #head: bigint;
  #compacted = 0n;

  constructor(base: ReadonlyMap<string, Entry>, revision: bigint) {
    this.#base = base;
    this.#baseRevision = revision;
    this.#head = revision;
  }

  /** What is before it is not known any more. */
  get baseRevision(): bigint {
    return this.#baseRevision;
  }

  /** The last revision that is known. */
  get head(): bigint {
    return this.#head;
  }

  /** What is before it the server does not answer for. */
  get compacted(): bigint {
    return this.#compacted;
  }

  compact(revision: bigint): void {
    this.#compacted = revision;
  }

  /** @throws when a revision is missing: a history with a gap would find the watchers guilty. */
  append(commit: Commit): void {
    if (commit.revision !== this.#head + 1n) throw new Error(`revision ${commit.revision} follows ${this.#head}`);
    this.#commits.push(commit);
    this.#head = commit.revision;
  }

  /** What happened at one revision. */
  at(revision: bigint): Commit | undefined {
    const index = this.#indexAfter(revision - 1n);
    return this.#commits[index]?.revision === revision ? this.#commits[index] : undefined;
  }

  /** What happened to a scope after one revision, up to another and with it. Only its own events, its own names. */
  between(scope: Scope, after: bigint, upTo: bigint): Commit[] {
    return this.#commits
      .slice(this.#indexAfter(after), this.#indexAfter(upTo))
      .map(({ revision, events }) => ({ revision, events: within(scope, events) }))
      .filter(({ events }) => events.length > 0);
  }

  /** The keys of a scope at a revision. */
  stateAt(scope: Scope, revision: bigint): Map<string, Entry> {
    const base = Array.from(this.#base, ([key, entry]) => ({ key, entry }));
    const state = new Map<string, Entry>();
    for (const { key, entry } of within(scope, base)) if (entry !== undefined) state.set(key, entry);
    for (const { events } of this.between(scope, this.#baseRevision, revision)) {
      for (const { key, entry } of events) {
        if (entry === undefined) state.delete(key);
        else state.set(key, entry);
      }
    }
    return state;
  }

  /** Whether nothing happened to a scope after a revision. */
  isQuietAfter(scope: Scope, revision: bigint): boolean {
    for (let index = this.#commits.length - 1; index >= 0; index--) {
      const commit = this.#commits[index];
      if (commit === undefined || commit.revision <= revision) return true;
      if (within(scope, commit.events).length > 0) return false;
    }
    return true;
  }

  /** The last that happened to a key up to a revision, for people. */
  lastEvents(key: string, upTo: bigint): string[] {
    return this.#commits
      .slice(0, this.#indexAfter(upTo))
      .flatMap(({ revision, events }) => events.map((event) => ({ revision, ...event })))
      .filter((event) => event.key === key)
      .slice(-LAST_EVENTS)
      .map(({ revision, entry }) => `${revision}: ${entry === undefined ? 'deleted' : show(entry)}`);
  }

  /** The history of a store that was restored from what this one was at a revision. */
  fork(at: bigint): History {
    const fork = new History(this.#base, this.#baseRevision);
    fork.#commits = this.#commits.slice(0, this.#indexAfter(at));
    fork.#head = at;
    fork.#compacted = this.#compacted < at ? this.#compacted : at;
    return fork;
  }

  /** The store went to a later revision at which nothing happened, and forgot what was before. */
  bump(to: bigint): void {
    this.#head = to;
    this.#compacted = to;
  }

  /** Nothing up to a revision will be asked for again. */
  forget(upTo: bigint): void {
    this.#base = this.stateAt({ prefix: '', exact: false }, upTo);
    this.#baseRevision = upTo;
    this.#commits = this.#commits.slice(this.#indexAfter(upTo));
  }

  /** The place of the first commit after a revision. */
  #indexAfter(revision: bigint): number {
    let [low, high] = [0, this.#commits.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#commits[middle] as Commit).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function within({ prefix, exact }: Scope, events: readonly KeyEvent[]): KeyEvent[] {
  return events
    .filter(({ key }) => (exact ? key === prefix : key.startsWith(prefix)))
    .map(({ key, entry }) => ({ key: key.slice(prefix.length), entry }));
}
