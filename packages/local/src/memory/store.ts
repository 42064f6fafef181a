import type { Revision, WatchError } from '@rollcall/core';
import { relativeKey } from '@rollcall/core/adapter';
import { type MemoryHistory, type MemoryWrite, revisionNumber } from './history.js';
import type { MemoryLink } from './link.js';

/**
 * A store inside the process, and the far end of its watches: what another program would do to a server is done here,
 * faults included. Every write is one revision; the first is "1". History is kept until it is compacted.
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

  /** The current values of the keys that begin with the prefix, by whole key. */
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

  /** Deleting what is not there is no write. */
  delete(key: string): void {
    this.transaction([{ type: 'delete', key }]);
  }

  /** All writes as one revision, in order. */
  transaction(writes: readonly MemoryWrite[]): void {
    this.#history.commit(writes);
    this.#link.notify();
  }

  /**
   * Forgets the history before a revision, by default all of it. A stream or resume from before it gets COMPACTED.
   * @throws WatchError INVALID_OPTION for a revision that is not in the history.
   */
  compact(revision: Revision = this.revision): void {
    this.#history.compact(this.#history.known(revision));
    this.#link.notify();
  }

  /**
   * Undoes everything after a revision, as a restored backup does, and cuts all streams.
   * @throws WatchError INVALID_OPTION for a revision that is not in the history.
   */
  rewind(revision: Revision): void {
    this.#history.rewind(this.#history.known(revision));
    this.#link.interrupt();
  }

  /**
   * Leaves an empty store with no history at `revision` (of any size: the next write is one more), and cuts all streams.
   * @throws WatchError INVALID_OPTION when the revision is not a decimal number.
   */
  wipe(revision: Revision = '0'): void {
    this.#history.wipe(revisionNumber(revision));
    this.#link.interrupt();
  }

  /** Ends all streams with an error, UNREACHABLE by default; new ones are accepted. */
  interrupt(error?: WatchError): void {
    this.#link.interrupt(error);
  }

  /**
   * As `interrupt`, and every new watch, read and write through a source gets the error too.
   * @returns what ends the outage.
   */
  outage(error?: WatchError): () => void {
    return this.#link.outage(error);
  }

  /**
   * Half-open: streams stay, and nothing is delivered or answered, on new ones either.
   * @returns what ends the silence; what piled up is then delivered.
   */
  silence(): () => void {
    return this.#link.silence();
  }

  /** A sign of life, without a revision, on all streams. */
  heartbeat(): void {
    this.#link.heartbeat();
  }

  /**
   * Makes all streams deliver again what came after a revision: old and duplicate events.
   * @throws WatchError INVALID_OPTION for a revision that is not in the history.
   */
  replay(after: Revision): void {
    this.#link.replay(this.#history.known(after));
  }

  /** How long a watch may be silent, ms. Infinity unless set, because an idle store says nothing by itself. */
  get maxSilenceMs(): number {
    return this.#link.maxSilenceMs;
  }

  set maxSilenceMs(value: number) {
    this.#link.maxSilenceMs = value;
  }
}
