import type { WatchError } from '../model/errors.js';
import type { ConnectOptions } from '../model/options.js';
import type { Revision } from '../model/revision.js';
import type { Entry, KeyMap } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';
import type { Timing } from '../runtime/timing.js';
import type { DialBoard } from './dialBoard.js';

/** What is watched inside one cluster. */
export interface Target {
  /** Literal text: `a/` matches neither `a` nor `ab`; `a` matches `ab`. With `exact`, the one key itself. */
  readonly prefix: string;
  readonly exact?: true;
  /** A backend's own selection (Consul: `service`, `tag`, …), decoded. */
  readonly query?: Readonly<Record<string, readonly string[]>>;
}

/** A parsed URL. */
export interface Location {
  /**
   * Names the cluster in one normal form, without secrets. Watches with equal `cluster` and equal options share one
   * source, and a checkpoint belongs to one `cluster`.
   */
  readonly cluster: string;
  readonly target: Target;
  /** What `parse` read from the URL. `open` gets it as it is, and need not parse `cluster`. Equal for equal clusters. */
  readonly parsed?: unknown;
}

/** What the core gives an adapter when it opens a source. */
export interface OpenOptions extends ConnectOptions {
  readonly logger: Logger;
  /** Clock, timers and randomness. An adapter that uses no others can be tested without waiting. */
  readonly timing: Timing;
  /** @internal Where the `Pool`s of one process share their dials to one server. */
  readonly dials?: DialBoard;
}

/** A credential that an adapter can take from the environment. */
export type Credential = 'username' | 'password' | 'token' | 'tls';

/** A backend: parses its URLs and opens sources. Loading the module of an adapter must be cheap. */
export interface Adapter {
  /** URL schemes without the colon. Messages call the adapter by the first. */
  readonly schemes: readonly string[];
  /**
   * The credentials that `open` is given from the environment (`ROLLCALL_USERNAME`, `_PASSWORD`, `_TOKEN`; for `tls`
   * the files that `_CA`, `_CERT` and `_KEY` name). Default: none, so that a secret reaches only a backend that asks.
   */
  readonly credentials?: readonly Credential[];
  /** @throws WatchError INVALID_URL that says what is wrong and how to write it, and repeats no secret. */
  parse(url: string): Location;
  /**
   * Connects nothing yet: an unreachable cluster is an error of `watch`, not of `open`.
   * @throws WatchError INVALID_OPTION for an option that this backend does not have (`refuseOptions`).
   */
  open(location: Location, options: OpenOptions): Source;
}

/** One key's change, as the backend reports it. Neither revision may be above that of the delta around it. */
export type SourceEvent =
  | { readonly type: 'put'; readonly key: string; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: Revision };

/** All events of one revision (or of several whole ones), in order, up to `revision`. */
export interface Delta {
  readonly type: 'delta';
  readonly revision: Revision;
  readonly events: readonly SourceEvent[];
  /** The backend has more: the delta moves the cursor, and does not make the status `live`. */
  readonly behind?: true;
  /** As `Update` says. */
  readonly asOf?: number;
}

/** An update that changes no key. */
export type QuietUpdate =
  /** The backend has proven that nothing else changed up to `revision`. `asOf` as `Update` says. */
  | { readonly type: 'bookmark'; readonly revision: Revision; readonly asOf?: number }
  /** The link works. Resets the silence timer, and does not make the status `live`. At most one a second per watch. */
  | { readonly type: 'alive' };

/** One full read: every key of a target at one revision. */
export interface FullRead {
  readonly revision: Revision;
  /** In the backend's order. Keys are relative to the target's prefix. */
  readonly entries: Iterable<readonly [string, Entry]>;
}

/**
 * What one watch attempt yields. Keys are relative to the target's prefix ("" when exact, and for the key that equals
 * the prefix). An attempt without `from` yields a snapshot before any delta or bookmark.
 *
 * `asOf`: `Timing.now()` of a moment at which the backend's state was this one. Default: when the update arrives. Give it
 * where an answer may be older than its arrival: a list of many pages is as old as its first request.
 */
export type Update =
  | Delta
  /** The whole state at `revision`. `identity` names the cluster if the backend can: another identity is another history. */
  | (FullRead & { readonly type: 'snapshot'; readonly identity?: string; readonly asOf?: number })
  /** Several deltas that arrived together, in order. Readers see each by itself. */
  | { readonly type: 'deltas'; readonly deltas: Iterable<Delta> }
  | QuietUpdate
  /** The state is stale now, and this attempt goes on (a half-written file). The next snapshot, delta or bookmark ends it. */
  | { readonly type: 'trouble'; readonly error: WatchError };

/** Where to continue, and what must be true there if it is still the same history. */
export interface Resume {
  readonly revision: Revision;
  readonly proof?: {
    /** How many keys the core holds. */
    readonly count: number;
    /** The held key with the highest revision. */
    readonly newest?: { readonly key: string; readonly entry: Entry };
  };
  /** The `identity` of the snapshot that the state comes from: another identity is another history. */
  readonly identity?: string;
}

/**
 * How a key is put. A lease is a time to live that several keys may share: they go when it ends. A put with neither
 * `ttlMs` nor `lease` takes the key from the lease it was under. A backend without leases refuses all of these.
 */
export interface PutOptions {
  /** Puts the key under a lease of its own, of this length, ms; the backend may grant a longer one. */
  readonly ttlMs?: number;
  /** Puts the key under this lease, by the id that the backend's own tools print (etcd: in hexadecimal). */
  readonly lease?: string;
  /** Keeps the value that is there and changes only the lease. The value given must be empty; no key is NOT_FOUND. */
  readonly ignoreValue?: boolean;
  /** Called with the lease that `ttlMs` made, once the key is under it. */
  readonly onLease?: (lease: GrantedLease) => void;
}

/** A lease as the backend granted it. */
export interface GrantedLease {
  /** As `PutOptions.lease`. */
  readonly id: string;
  /** Its length, ms. */
  readonly ttlMs: number;
}

/** Keys are absolute here. */
export interface SourceWriter {
  /** @throws WatchError INVALID_OPTION; UNSUPPORTED for an option the backend does not have; what the backend says. */
  put(key: string, value: Uint8Array, options?: PutOptions): Promise<Revision>;
  /** @returns whether the key was there. */
  delete(key: string): Promise<boolean>;
  /**
   * Deletes all keys that begin with the prefix, in one step of the backend. If missing, the keys are deleted one by one.
   * @returns how many were there; undefined where the backend does not say.
   */
  deletePrefix?(prefix: string): Promise<number | undefined>;
}

/** What one watch attempt is given. */
export interface AttemptOptions {
  /** The attempt ends when it aborts: the core takes nothing more, whatever the adapter does. */
  readonly signal: AbortSignal;
  /** Continue after this revision. Only given if `supports.resume`. */
  readonly from?: Resume;
  /** The entries the core holds. A snapshot may yield these very objects for what is unchanged. */
  readonly held?: KeyMap;
  /** Where the core is now, for an adapter that proves it by a read. Undefined before the first state. */
  readonly present?: () => Resume | undefined;
  /**
   * Delivers a quiet update at once, instead of yielding it. Call it only while the core waits for the next update, so
   * that the core has everything that was yielded. It lets one stream prove a thousand quiet watches with a thousand
   * calls, and wakes none of their generators.
   */
  readonly tell?: (update: QuietUpdate) => void;
}

/** What one full read is given. */
export interface FullReadOptions {
  readonly signal: AbortSignal;
  /** A revision of the past. Only given if `supports.history`. */
  readonly at?: Revision;
  /** The caller needs no values: entries may have empty ones. */
  readonly keysOnly?: boolean;
}

/** A number, or one for each target. */
export type PerTarget = number | ((target: Target) => number);

/** One cluster, many watches at once. Its connections open on first use and are kept until it is disposed. */
export interface Source extends AsyncDisposable {
  /**
   * `resume`: `watch` understands `from`. `deltas`: it yields deltas, so the backend reports deletes itself.
   * `history`: `read` understands `at`.
   */
  readonly supports: { readonly resume: boolean; readonly deltas: boolean; readonly history: boolean };
  /** A watch without any update for this long, ms, is stale, and is started again. Infinity only for memory and files. */
  readonly maxSilenceMs: PerTarget;
  /**
   * How long the status may be `live` after the last snapshot, bookmark, or delta that is not `behind`, ms. May grow
   * while many targets share few connections. Default: no bound.
   */
  readonly maxProofAgeMs?: PerTarget;
  /**
   * One attempt: yields updates, ends when the signal aborts, never retries, holds no keys. A plain async generator will
   * do: the core aborts the signal first and does not wait for it.
   * With `from` it continues after that revision, or throws COMPACTED, TOO_LARGE, ROLLED_BACK or OTHER_HISTORY; the core
   * then makes a full read at once.
   * @throws WatchError what went wrong. The core waits, and starts the next attempt.
   */
  watch(target: Target, options: AttemptOptions): AsyncIterable<Update>;
  /**
   * One full read. Default: the core takes the first snapshot of a `watch`.
   * @throws WatchError for `at`: COMPACTED, saying which revision is the oldest that can be read; ROLLED_BACK for one
   *   that is yet to come, saying how far the store is; UNSUPPORTED where no history is kept.
   */
  read?(target: Target, options: FullReadOptions): Promise<FullRead>;
  /** Missing where the backend cannot write. */
  readonly write?: SourceWriter;
}
