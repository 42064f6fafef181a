import type { WatchError } from './errors.js';
import type { WatchOptions } from './options.js';
import type { Revision } from './revision.js';

/**
 * One key's value. Immutable; an unchanged entry stays the same object from version to version. It may have getters, so
 * that a spread or a message to another thread loses its fields: name those that are to be copied.
 */
export interface Entry {
  /** May be a part of a larger buffer: mind `byteOffset` where `value.buffer` is used. */
  readonly value: Uint8Array;
  /** Where the backend says this value was written (etcd mod_revision, Consul ModifyIndex); absent on files. */
  readonly revision?: Revision;
  /** Where the key was created (etcd create_revision, Consul CreateIndex). A new one means delete and recreate. */
  readonly createRevision?: Revision;
}

/**
 * The keys and entries of one version: immutable, in key order (by UTF-16 code unit, JavaScript's own `<`).
 * Keys are relative to the watcher's prefix; a key's bytes that are not UTF-8 are escaped (see `keyFromBytes`).
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
  /** Which history the revision belongs to. Revisions of different epochs must not be compared. Minted by the core. */
  readonly epoch: number;
  readonly entries: KeyMap;
}

/** One key's difference between what a reader saw last and what it sees now. */
export type Change = {
  readonly key: string;
  /** The change's own revision, or the snapshot's where it has none (a coalesced or synthetic delete, a file's put). */
  readonly revision: Revision;
} & (
  | { readonly type: 'put'; readonly entry: Entry; readonly previous?: Entry }
  | {
      readonly type: 'delete';
      readonly previous: Entry;
      /** Inferred from absence in a full read, not told by the backend: always so on Consul and files. */
      readonly synthetic: boolean;
    }
);

/** How the state differs from what this reader saw last. */
export interface Batch {
  readonly snapshot: Snapshot;
  /** Ordered by revision, then key. Empty only in an initial batch. */
  readonly changes: readonly Change[];
  /** `resync`: by the first answer after an interruption. `swap`: the backend is another one. */
  readonly cause: 'initial' | 'delta' | 'resync' | 'swap';
  /** True when this reader was slower than the backend, so that the batch covers several versions. */
  readonly coalesced: boolean;
}

/** How current the state is. */
export type Status =
  | { readonly state: 'connecting'; readonly attempt: number; readonly error?: WatchError }
  | {
      readonly state: 'live';
      /** Wall-clock time, ms since the Unix epoch: the state is the backend's as it was then, or later. */
      readonly provenAt: number;
      /** `provenAt` is never further back than this, ms: longer without a proof is `stale`. Infinity: no such bound. */
      readonly maxProofAgeMs: number;
    }
  | {
      readonly state: 'stale';
      readonly code: string;
      readonly error: WatchError;
      /**
       * Wall-clock time, ms since the Unix epoch, of the last proof that the state is the backend's. It may have been so
       * for longer, never for less.
       */
      readonly since: number;
      /** Failed attempts in this outage so far. */
      readonly attempt: number;
      /** Wall-clock time, ms since the Unix epoch, of the next attempt, while one is waited for. */
      readonly retryAt?: number;
    }
  | { readonly state: 'failed'; readonly error: WatchError }
  | { readonly state: 'closed' };

/** How a reader reads: by default each batch at once. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Quiet period, ms: a batch waits until nothing changed for this long, so that a flapping key is one change. */
  readonly quietMs?: number;
  /** The longest a quiet period may hold a change back, ms. Default: ten quiet periods. */
  readonly maxQuietMs?: number;
}

/** One full read, apart from the watch. */
export interface ReadResult {
  readonly revision: Revision;
  readonly entries: KeyMap;
}

/** A handle of one's own on a watch that may be shared. Closing or swapping it leaves the other handles alone. */
export interface Watcher extends AsyncIterable<Batch>, AsyncDisposable {
  /** The watched prefix, or the exact key. `prefix + key` is a key whole. */
  readonly prefix: string;
  /** The last good state, kept while stale; undefined before the first. */
  readonly snapshot: Snapshot | undefined;
  /** Local count of observable changes: bumps once for each, never goes back. 0 before the first state. */
  readonly version: number;
  readonly status: Status;
  /**
   * Resolves with the state once there is one.
   * @param options `fresh`: wait until the state is proven current (`live`), not just known.
   * @throws WatchError the fatal error (`failed`), TIMEOUT after `timeoutMs` with the last failure as its cause, CLOSED;
   *   or the signal's reason when aborted.
   */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number; fresh?: boolean }): Promise<Snapshot>;
  /** Batches from the current state on; each call is a reader of its own. Iterating the watcher is `batches()`. */
  batches(options?: ReadOptions): AsyncIterableIterator<Batch>;
  /** Calls the listener at each change of status, until the returned function is called or the watcher is closed. */
  onStatus(listener: (status: Status) => void): () => void;
  /**
   * One full read of the backend, apart from the watch: moves no cursor, makes no batch.
   * @throws WatchError when the backend cannot answer.
   */
  read(options?: { signal?: AbortSignal }): Promise<ReadResult>;
  /**
   * Moves this handle to another backend. The old state stays until the new one is there; readers see only the
   * difference. Rejects, and stays on the old backend, when the new one fails for good, a later swap takes its place,
   * or the handle is closed.
   * @param options for the new backend; those of the old one, with their secrets, are not carried over.
   */
  swap(urlOrName: string, options?: WatchOptions): Promise<void>;
  /**
   * A note that was kept in the checkpoint, by this process or an earlier one; undefined where there is none, or no
   * checkpoint. For what a view learned and should know after a restart.
   */
  note(name: string): Promise<string | undefined>;
  /** Keeps a note in the checkpoint. Does nothing without one. */
  setNote(name: string, value: string): void;
  /** An unclosed watcher holds the process; `unref` lets it end, `ref` undoes that. */
  ref(): this;
  unref(): this;
  /** Idempotent; settles within 1 s in every state; nothing is delivered after it. */
  close(): Promise<void>;
}
