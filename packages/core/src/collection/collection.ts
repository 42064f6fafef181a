import type { Revision } from '../model/revision.js';
import type { Status } from '../model/types.js';
import type { BuiltMap } from './built.js';
import type { ItemMap } from './items.js';
import type { Quarantined } from './state.js';

/** One version of a collection's items. Immutable. */
export interface CollectionVersion<T> {
  readonly version: number;
  /** Of the watcher's state that these items come from. */
  readonly revision: Revision;
  readonly epoch: number;
  readonly items: ItemMap<T>;
}

/** Gives up what was built of an item that has changed or gone. */
export type Dispose<B> = (built: B, key: string) => void | PromiseLike<void>;

/**
 * The keys of a watcher as decoded, validated items. A value that cannot be used never costs the others: its key keeps
 * the last good item and is listed in quarantine until the value is mended or the key deleted. Iterating gives the
 * present version, then each newer one (the newest, for a slow reader). Collections of one watcher change together: who
 * looks at two of them sees one state of it, and one whose decoder is slow holds up the others.
 */
export interface Collection<T> extends AsyncIterable<CollectionVersion<T>>, AsyncDisposable {
  /** Good items by key, relative to the collection's prefix. A new map for each version. */
  readonly items: ItemMap<T>;
  /** Bumps once for each observable change of `items`; 0 before the first state. */
  readonly version: number;
  readonly quarantine: ItemMap<Quarantined>;
  /** Keys that a resync did not find and that stay until a fresh read confirms it (option `guard`). */
  readonly held: ReadonlySet<string>;
  /** The watcher's, until the collection is closed; a collection of a watcher that failed stays failed. */
  readonly status: Status;
  get(key: string): T | undefined;
  /**
   * Resolves with the first version as soon as there is one, even if it is empty.
   * @throws WatchError the watcher's fatal error, TIMEOUT, CLOSED; or the signal's reason when aborted.
   */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<CollectionVersion<T>>;
  /** Versions from the present one on; each call is a reader of its own. */
  versions(options?: { signal?: AbortSignal }): AsyncIterableIterator<CollectionVersion<T>>;
  /** Calls back after each change of `items`, `quarantine` or `held`. */
  onChange(listener: () => void): () => void;
  onStatus(listener: (status: Status) => void): () => void;
  /**
   * One object for each item, such as a connection pool for each upstream: made when it is first asked for, and kept
   * while its item is unchanged. When the item changes or goes, and nobody uses the object, `dispose` is called with it.
   */
  each<B>(build: (item: T, key: string) => B, dispose?: Dispose<B>): BuiltMap<B>;
  /** Leaves the watcher open. Idempotent; nothing is delivered after it. */
  close(): Promise<void>;
}

/** A collection of one key. */
export interface SingleCollection<T> extends Collection<T> {
  /** Undefined while the key is not there or was never good. */
  readonly value: T | undefined;
}
