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
  /** Which cluster: the key by which sources are shared. Normalised; no secret in it. */
  readonly cluster: string;
  readonly target: Target;
}

/** What the core gives a source. */
export interface OpenOptions extends ConnectOptions {
  readonly logger: Logger;
  /** Clock, timers and randomness of the registry. */
  readonly timing: Timing;
  /** For `Pool`: where the sources of one process meet that wait for the same server. */
  readonly dials?: DialBoard;
}

/** An adapter parses its URLs and opens a Source: one cluster, many watches at once. Loading one must be cheap. */
export interface Adapter {
  /** URL schemes without the colon. */
  readonly schemes: readonly string[];
  /** @throws WatchError INVALID_URL, saying what is wrong and how to write it, without repeating a secret. */
  parse(url: string): Location;
  /** Connects nothing yet: an unreachable cluster is an error of `watch`, not of `open`. */
  open(location: Location, options: OpenOptions): Source;
}

export type SourceEvent =
  | { readonly type: 'put'; readonly key: string; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: Revision };

/** All events of one revision (or of several whole ones), in order, up to `revision`. */
export interface Delta {
  readonly type: 'delta';
  readonly revision: Revision;
  readonly events: readonly SourceEvent[];
  /** The backend is known to be further, so that this proves nothing current. */
  readonly behind?: true;
  /** As `Update` says. */
  readonly asOf?: number;
}

/** What changes no key. */
export type QuietUpdate =
  /** Proven in-stream, or for the cursor itself by a read: there was nothing else up to `revision`. `asOf` as `Update` says. */
  | { readonly type: 'bookmark'; readonly revision: Revision; readonly asOf?: number }
  /** Evidence of life without a revision; at most one a second per watch. Feeds the watchdog, proves nothing current. */
  | { readonly type: 'alive' };

/**
 * What one watch attempt yields. Keys are relative to the target's prefix ("" when exact, and for the key that equals
 * the prefix). The first update of an attempt without `from` that carries a revision is a snapshot.
 *
 * `asOf`: the backend's state was this at that time of `Timing.now()`, or later. Default: when the update arrives. Give
 * it where an answer may be older than its arrival: a list of many pages is as old as its first request.
 */
export type Update =
  | Delta
  /** The whole state at `revision`. `identity` names the cluster where the backend can: another one is another history. */
  | {
      readonly type: 'snapshot';
      readonly revision: Revision;
      readonly entries: Iterable<readonly [string, Entry]>;
      readonly identity?: string;
      readonly asOf?: number;
    }
  /** Several deltas that came at once, in order. Each is told to readers by itself. */
  | { readonly type: 'deltas'; readonly deltas: Iterable<Delta> }
  | QuietUpdate
  /** The state is stale now, but this attempt goes on (a half-written file). The next snapshot, delta or bookmark mends it. */
  | { readonly type: 'trouble'; readonly error: WatchError };

/** Where to continue, and what must be true there if it is still the same history. */
export interface Resume {
  readonly revision: Revision;
  readonly proof?: {
    /** How many keys are held. */
    readonly count: number;
    /** The held key with the highest revision. */
    readonly newest?: { readonly key: string; readonly entry: Entry };
  };
  /** Of the snapshot that the state comes from: another identity is another history. */
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
  /** Told of the lease that `ttlMs` made, once the key is under it. */
  readonly onLease?: (lease: GrantedLease) => void;
}

/** A lease as the backend granted it. */
export interface GrantedLease {
  /** As `PutOptions.lease`. */
  readonly id: string;
  /** Its length, ms. */
  readonly ttlMs: number;
}

/** One cluster, many watches at once. Its connections open on first use and are kept until it is disposed. */
export interface Source extends AsyncDisposable {
  /**
   * `resume`: `watch` understands `from`. `deltas`: it yields deltas, so deletes are told by the backend.
   * `history`: `read` understands `at`.
   */
  readonly supports: { readonly resume: boolean; readonly deltas: boolean; readonly history: boolean };
  /** A watch silent for longer, ms, is stale and is started again; Infinity for memory and file. */
  readonly maxSilenceMs: number;
  /**
   * How long the status may be `live` after the last snapshot, bookmark, or delta that is not `behind`, ms. May grow
   * while many targets share few connections. Missing: no bound.
   */
  readonly maxProofAgeMs?: number;
  /**
   * One attempt: yields updates, throws WatchError, returns on abort, never retries, holds no keys.
   * With `from` it continues after that revision, or throws COMPACTED, TOO_LARGE, ROLLED_BACK or OTHER_HISTORY; the core then
   * reads anew at once.
   * @param options `held`: the entries the core holds; a snapshot may yield those very objects for what is unchanged.
   *   `present`: where the core is now, to prove it by a read; undefined before the first state.
   *   `tell`: takes a quiet update at once, instead of one that is yielded. Only while the core waits for the next update,
   *   so that it has all that was yielded. A thousand quiet watches on one stream are proven by a thousand calls, and
   *   none of them is woken.
   */
  watch(
    target: Target,
    options: {
      readonly signal: AbortSignal;
      readonly from?: Resume;
      readonly held?: KeyMap;
      readonly present?: () => Resume | undefined;
      readonly tell?: (update: QuietUpdate) => void;
    },
  ): AsyncIterable<Update>;
  /**
   * One full read. Where it is missing the core takes the first snapshot of a `watch`.
   * @param options `at`: a revision of the past.
   * @throws WatchError for `at`: COMPACTED, saying which revision is the oldest that can be read; ROLLED_BACK for one
   *   that is yet to come, saying how far the store is; UNSUPPORTED where no history is kept.
   */
  read?(
    target: Target,
    options: { readonly signal: AbortSignal; readonly at?: Revision; readonly keysOnly?: boolean },
  ): Promise<{ readonly revision: Revision; readonly entries: Iterable<readonly [string, Entry]> }>;
  /** Keys are absolute here. Missing where the backend cannot write. */
  readonly write?: {
    /** @throws WatchError INVALID_OPTION; UNSUPPORTED for an option the backend cannot serve; what the backend says. */
    put(key: string, value: Uint8Array, options?: PutOptions): Promise<Revision>;
    /** @returns whether the key was there. */
    delete(key: string): Promise<boolean>;
    /**
     * Deletes all keys that begin with the prefix, in one step of the backend. Missing where there is none: then they
     * are deleted one by one.
     * @returns how many were there; undefined where the backend does not say.
     */
    deletePrefix?(prefix: string): Promise<number | undefined>;
  };
}
