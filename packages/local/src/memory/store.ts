import type { Revision, WatchError } from '@rollcall/core';
import { relativeKey } from '@rollcall/core/adapter';
import { type MemoryHistory, type MemoryWrite, revisionNumber } from './history.js';
import type { MemoryLink } from './link.js';

/**
 * A store inside the process, from the side of its server: writes and faults are made here. Every write is one
 * revision; the first is "1". History is kept until it is compacted.
 */
export class MemoryStore {
  readonly #history: MemoryHistory;
  readonly #link: MemoryLink;

  constructor(history: MemoryHistory, link: MemoryLink) {
    this.#history = history;
    this.#link = link;
  }

  get revision(): Revision {
    return String(this.#history.revision);
  }

  /** The present values of the keys with a prefix, by whole key. */
  list(prefix = ''): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const [key, { value }] of this.#history.entries) {
      if (relativeKey({ prefix }, key) !== undefined) found.set(key, value);
    }
    return found;
  }

  put(key: string, value: Uint8Array | string): void {
    this.transaction([{ type: 'put', key, value }]);
  }

  /** Deletes a key. Deleting a missing key is no write. */
  delete(key: string): void {
    this.transaction([{ type: 'delete', key }]);
  }

  /** All writes as one revision, in order. */
  transaction(writes: readonly MemoryWrite[]): void {
    this.#history.commit(writes);
    this.#link.notify();
  }

  /**
   * Forgets the history before a revision; by default all of it. A watch or resume from before it gets COMPACTED.
   * @throws WatchError INVALID_OPTION for a revision that is not in the history.
   */
  compact(revision: Revision = this.revision): void {
    this.#history.compact(this.#history.known(revision));
    this.#link.notify();
  }

  /**
   * Undoes everything after a revision, as a restored backup does, and cuts all watches.
   * @throws WatchError INVALID_OPTION for a revision that is not in the history.
   */
  rewind(revision: Revision): void {
    this.#history.rewind(this.#history.known(revision));
    this.#link.interrupt();
  }

  /**
   * Empties the store and its history, sets its revision (of any size: the next write is one more), and cuts all
   * watches.
   * @throws WatchError INVALID_OPTION if the revision is no decimal number.
   */
  wipe(revision: Revision = '0'): void {
    this.#history.wipe(revisionNumber(revision));
    this.#link.interrupt();
  }

  /** Ends all watches with an error, by default UNREACHABLE. New watches are accepted. */
  interrupt(error?: WatchError): void {
    this.#link.interrupt(error);
  }

  /**
   * As `interrupt`; every new watch, read and write of a source fails with the error, too.
   * @returns ends the outage.
   */
  outage(error?: WatchError): () => void {
    return this.#link.outage(error);
  }

  /**
   * A half-open link: watches stay open, and nothing is delivered or answered.
   * @returns ends the silence; then everything is delivered.
   */
  silence(): () => void {
    return this.#link.silence();
  }

  /** Sends a sign of life, without a revision, to all watches. */
  heartbeat(): void {
    this.#link.heartbeat();
  }

  /**
   * Makes all watches deliver everything after a revision again: old and duplicate events.
   * @throws WatchError INVALID_OPTION for a revision that is not in the history.
   */
  replay(after: Revision): void {
    this.#link.replay(this.#history.known(after));
  }

  /** The source's `maxSilenceMs`. Default: Infinity, because an idle store says nothing. */
  get maxSilenceMs(): number {
    return this.#link.maxSilenceMs;
  }

  set maxSilenceMs(value: number) {
    this.#link.maxSilenceMs = value;
  }
}
