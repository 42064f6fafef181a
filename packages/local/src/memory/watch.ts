import { compareRevisions, type Entry, WatchError } from '@rollcall/core';
import { type Resume, relativeKey, type SourceEvent, type Target, type Update } from '@rollcall/core/adapter';
import { type MemoryHistory, revisionNumber } from './history.js';
import type { MemoryLink } from './link.js';
import { select } from './target.js';

/** The parts of a store that sources use. */
export interface MemoryBackend {
  /** The store's name, for errors. */
  readonly name: string;
  readonly history: MemoryHistory;
  readonly link: MemoryLink;
}

/**
 * One watch of a store. It holds a cursor and no queue: the store's log is the queue. A reader that stalls costs nothing
 * here, and one that stalls past a compaction gets COMPACTED.
 */
export class MemoryWatch {
  readonly #backend: MemoryBackend;
  readonly #target: Target;
  readonly #from: Resume | undefined;
  /** The revision up to which everything was delivered; undefined before the first answer. */
  #cursor: bigint | undefined;
  #cuts: number;
  #beats: number;
  #replays: number;

  constructor(backend: MemoryBackend, target: Target, from: Resume | undefined) {
    this.#backend = backend;
    this.#target = target;
    this.#from = from;
    this.#cuts = backend.link.cuts;
    this.#beats = backend.link.beats;
    this.#replays = backend.link.replays;
  }

  async *updates(signal: AbortSignal): AsyncGenerator<Update, void> {
    while (!signal.aborted) {
      const update = this.#take();
      if (update === undefined) await this.#backend.link.changed(signal);
      else yield update;
    }
  }

  /** The next update; undefined if there is none. */
  #take(): Update | undefined {
    const { link } = this.#backend;
    if (this.#cuts !== link.cuts && link.cutError !== undefined) throw link.cutError;
    if (link.silent) return undefined;
    if (this.#cursor === undefined) return this.#open();
    if (this.#replays !== link.replays) {
      this.#replays = link.replays;
      if (link.replayAfter < this.#cursor) this.#cursor = link.replayAfter;
    }
    const update = this.#advance(this.#cursor);
    if (update === undefined && this.#beats !== link.beats) {
      this.#beats = link.beats;
      return { type: 'alive' };
    }
    return update;
  }

  #open(): Update {
    const { history, link } = this.#backend;
    link.assertUp();
    if (this.#from === undefined) {
      this.#cursor = history.revision;
      return { type: 'snapshot', revision: String(this.#cursor), entries: select(history.entries, this.#target) };
    }
    const from = revisionNumber(this.#from.revision);
    this.#prove(from, this.#from.proof);
    this.#cursor = from;
    // If nothing was missed, a bookmark tells the core that the resumed watch is current.
    return this.#advance(from) ?? { type: 'bookmark', revision: String(from) };
  }

  /** A delta of the next revision that changes the target, or a bookmark after those that do not. */
  #advance(from: bigint): Update | undefined {
    const { history } = this.#backend;
    this.#assertKept(from);
    for (let revision = from + 1n; revision <= history.revision; revision++) {
      const events = this.#eventsOf(revision);
      if (events.length === 0) continue;
      this.#cursor = revision;
      return { type: 'delta', revision: String(revision), events };
    }
    if (history.revision === from) return undefined;
    this.#cursor = history.revision;
    return { type: 'bookmark', revision: String(history.revision) };
  }

  #eventsOf(revision: bigint): SourceEvent[] {
    const events: SourceEvent[] = [];
    for (const { key: whole, after } of this.#backend.history.changesOf(revision) ?? []) {
      const key = relativeKey(this.#target, whole);
      if (key === undefined) continue;
      if (after === undefined) events.push({ type: 'delete', key, revision: String(revision) });
      else events.push({ type: 'put', key, entry: after });
    }
    return events;
  }

  #assertKept(cursor: bigint): void {
    const { name, history } = this.#backend;
    if (cursor >= history.compacted) return;
    const message = `${name} was compacted at revision ${history.compacted}; what came after revision ${cursor} is gone.`;
    throw new WatchError('COMPACTED', message);
  }

  /** Checks that the store had the held state at `revision`: a refilled store has the same revisions. */
  #prove(revision: bigint, proof: Resume['proof']): void {
    const { name, history } = this.#backend;
    if (revision > history.revision) {
      const message = `${name} is at revision ${history.revision}, behind ${revision}, which it had reached before.`;
      throw new WatchError('ROLLED_BACK', message);
    }
    this.#assertKept(revision);
    if (proof === undefined || proves(proof, new Map(select(history.at(revision), this.#target)))) return;
    throw new WatchError('OTHER_HISTORY', `${name} did not hold at revision ${revision} what was seen there before.`);
  }
}

/** Whether the entries are as many as before, have the same newest one, and none that is newer. */
function proves({ count, newest }: NonNullable<Resume['proof']>, entries: ReadonlyMap<string, Entry>): boolean {
  if (entries.size !== count) return false;
  if (newest === undefined) return true;
  if (!same(entries.get(newest.key), newest.entry)) return false;
  const { revision = '0' } = newest.entry;
  return [...entries.values()].every((entry) => compareRevisions(entry.revision ?? '0', revision) <= 0);
}

function same(a: Entry | undefined, b: Entry): boolean {
  return a !== undefined && a.revision === b.revision && Buffer.compare(a.value, b.value) === 0;
}
