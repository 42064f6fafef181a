import type { Revision } from '../model/revision.js';
import type { Status } from '../model/types.js';
import type { BuiltMap } from './built.js';
import type { ItemMap } from './items.js';
import type { Quarantined } from './state.js';

/** One version of a collection's items. Immutable. */
export interface CollectionVersion<T> {
  readonly version: number;
  /** The revision of the watcher's state. */
  readonly revision: Revision;
  readonly epoch: number;
  readonly items: ItemMap<T>;
}

/** Disposes of an object whose item has changed or gone. */
export type Dispose<B> = (built: B, key: string) => void | PromiseLike<void>;

/**
 * The keys of a watcher as decoded, validated items. A value that cannot be used costs only its own key, which keeps
 * its last good item and is listed in quarantine until the value is corrected or the key deleted. Iterating gives the
 * present version, then each newer one; a slow reader gets the newest. Collections of one watcher change together, so
 * two of them always show one state; a slow decoder of one delays the others.
 */
export interface Collection<T> extends AsyncIterable<CollectionVersion<T>>, AsyncDisposable {
  /** Good items by key, relative to the collection's prefix. A new map for each version. */
  readonly items: ItemMap<T>;
  /** Grows by one with each visible change of `items`; 0 before the first state. */
  readonly version: number;
  readonly quarantine: ItemMap<Quarantined>;
  /** Keys that the last resync did not find, and that stay until a second full read confirms it (option `guard`). */
  readonly held: ReadonlySet<string>;
  /** The watcher's status, until the collection is closed. If the watcher has failed, the collection stays `failed`. */
  readonly status: Status;
  get(key: string): T | undefined;
  /**
   * Resolves with the first version as soon as there is one, even if it is empty.
   * @throws WatchError the watcher's fatal error, TIMEOUT, CLOSED; or the signal's reason when aborted.
   */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<CollectionVersion<T>>;
  /** Versions from the present one on. Each call makes a reader of its own. */
  versions(options?: { signal?: AbortSignal }): AsyncIterableIterator<CollectionVersion<T>>;
  /** Calls back after each change of `items`, `quarantine` or `held`. */
  onChange(listener: () => void): () => void;
  onStatus(listener: (status: Status) => void): () => void;
  /**
   * One object for each item, such as a connection pool for each upstream. It is built when it is first asked for, and
   * kept while its item is unchanged. When the item has changed or gone and nobody uses the object, `dispose` is called
   * with it.
   */
  each<B>(build: (item: T, key: string) => B, dispose?: Dispose<B>): BuiltMap<B>;
  /** Ends the collection and leaves the watcher open. Idempotent; nothing is delivered afterwards. */
  close(): Promise<void>;
}

/** A collection of one key. */
export interface SingleCollection<T> extends Collection<T> {
  /** The item; undefined if the key does not exist or never had a good value. */
  readonly value: T | undefined;
}
