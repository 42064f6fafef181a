import type { WatchError } from './errors.js';
import type { WatchOptions } from './options.js';
import type { Revision } from './revision.js';

/**
 * One key's value. Immutable. An unchanged entry stays the same object from version to version. Its fields may be
 * getters: a spread or a message to another thread loses them, so copy fields by name.
 */
export interface Entry {
  /** May be a part of a larger buffer: use `byteOffset` with `value.buffer`. */
  readonly value: Uint8Array;
  /** The revision at which the value was written (etcd: mod_revision, Consul: ModifyIndex); absent on files. */
  readonly revision?: Revision;
  /**
   * The revision at which the key was created (etcd: create_revision, Consul: CreateIndex). If it changed, the key was
   * deleted and created again.
   */
  readonly createRevision?: Revision;
}

/**
 * The keys and entries of one version. Immutable, in key order (by UTF-16 code unit, as JavaScript's `<`). Keys are
 * relative to the watcher's prefix; bytes that are not UTF-8 are escaped (`keyFromBytes`).
 */
export interface KeyMap {
  readonly size: number;
  get(key: string): Entry | undefined;
  has(key: string): boolean;
  [Symbol.iterator](): Iterator<[string, Entry]>;
  /** The entries with `from <= key < to`. */
  range(from: string, to: string): Iterable<[string, Entry]>;
}

/** The state of a watch at one revision. */
export interface Snapshot {
  readonly revision: Revision;
  /** The history that the revision belongs to, numbered by the core. Never compare revisions of different epochs. */
  readonly epoch: number;
  readonly entries: KeyMap;
}

/** One key's difference between what a reader saw last and the present. */
export type Change = {
  readonly key: string;
  /** The change's own revision; the snapshot's if it has none (a coalesced or synthetic delete, a file's put). */
  readonly revision: Revision;
} & (
  | { readonly type: 'put'; readonly entry: Entry; readonly previous?: Entry }
  | {
      readonly type: 'delete';
      readonly previous: Entry;
      /** True if the delete was inferred, because a full read had no such key. Always so on Consul and files. */
      readonly synthetic: boolean;
    }
);

/** How the state differs from what this reader saw last. */
export interface Batch {
  readonly snapshot: Snapshot;
  /** Ordered by revision, then key. Empty only in an initial batch. */
  readonly changes: readonly Change[];
  /** Why there is a batch. `resync`: the first answer after an interruption. `swap`: another backend. */
  readonly cause: 'initial' | 'delta' | 'resync' | 'swap';
  /**
   * True if the batch covers several versions: the reader was slower than the backend, or a quiet period held changes
   * back.
   */
  readonly coalesced: boolean;
}

/** How current the state is. */
export type Status =
  | { readonly state: 'connecting'; readonly attempt: number; readonly error?: WatchError }
  | {
      readonly state: 'live';
      /** When the state was last proven to be the backend's; wall clock, ms since the Unix epoch. */
      readonly provenAt: number;
      /**
       * The greatest age of `provenAt` while the status is `live`, ms; after that it is `stale`. Infinity: no bound.
       */
      readonly maxProofAgeMs: number;
    }
  | {
      readonly state: 'stale';
      readonly code: string;
      readonly error: WatchError;
      /** When the state was last proven to be the backend's; wall clock, ms since the Unix epoch. */
      readonly since: number;
      /** Failed attempts in this outage. */
      readonly attempt: number;
      /** When the next attempt begins; wall clock, ms since the Unix epoch. Absent while one is under way. */
      readonly retryAt?: number;
    }
  | { readonly state: 'failed'; readonly error: WatchError }
  | { readonly state: 'closed' };

/** Options of one reader. Default: each batch at once. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  /**
   * Quiet period, ms: a batch waits until nothing has changed for this long, so that a flapping key is one change.
   * Default: 0.
   */
  readonly quietMs?: number;
  /** The longest time that quiet periods may hold a change back, ms. Default: ten quiet periods. */
  readonly maxQuietMs?: number;
}

/** The result of one full read. */
export interface ReadResult {
  readonly revision: Revision;
  readonly entries: KeyMap;
}

/** A handle on a watch, which other handles may share. Closing or swapping this handle does not affect the others. */
export interface Watcher extends AsyncIterable<Batch>, AsyncDisposable {
  /** The watched prefix, or the exact key. `prefix + key` is the whole key. */
  readonly prefix: string;
  /** The last good state, kept while stale; undefined before the first. */
  readonly snapshot: Snapshot | undefined;
  /** Grows by one with each change that a reader can see. 0 before the first state. */
  readonly version: number;
  readonly status: Status;
  /**
   * Resolves with the state as soon as there is one.
   * @param options `fresh`: wait until the state is proven current (`live`). `timeoutMs`: how long to wait, default
   *   without end.
   * @throws WatchError the fatal error (`failed`), TIMEOUT after `timeoutMs` with the last failure as its cause,
   *   CLOSED; or the signal's reason when aborted.
   */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number; fresh?: boolean }): Promise<Snapshot>;
  /** Batches from the present state on. Each call makes a reader of its own. Iterating the watcher is the same. */
  batches(options?: ReadOptions): AsyncIterableIterator<Batch>;
  /** Calls the listener at each change of status, until the returned function is called or the watcher is closed. */
  onStatus(listener: (status: Status) => void): () => void;
  /**
   * Makes one full read of the backend. The watch is not affected.
   * @throws WatchError when the backend cannot answer.
   */
  read(options?: { signal?: AbortSignal }): Promise<ReadResult>;
  /**
   * Moves this handle to another backend. The old state stays until the new one is there; readers get only the
   * difference. If the new backend fails for good, a later swap begins, or the handle is closed, the swap rejects and
   * the handle stays where it was.
   * @param options for the new backend. The old backend's options and secrets are not used.
   */
  swap(urlOrName: string, options?: WatchOptions): Promise<void>;
  /**
   * A text that this or an earlier process kept in the checkpoint; undefined if there is none. For what a view learned
   * and must know after a restart.
   */
  note(name: string): Promise<string | undefined>;
  /** Keeps a text in the checkpoint. Does nothing without a checkpoint. */
  setNote(name: string, value: string): void;
  /** An unclosed watcher keeps the process running. `unref` allows the process to end, `ref` undoes that. */
  ref(): this;
  unref(): this;
  /**
   * Closes the handle: readers end, and nothing is delivered afterwards. Idempotent; settles within 1 s in every state.
   */
  close(): Promise<void>;
}
