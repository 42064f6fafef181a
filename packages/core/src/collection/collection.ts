import { WatchError } from '../model/errors.js';
import type { Revision, Status, Watcher } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';
import type { Timing } from '../runtime/timing.js';
import type { DecodeOptions } from './decode.js';
import type { ItemMap } from './items.js';
import type { Quarantined } from './state.js';
import { CollectionView } from './view.js';

/** One version of a collection's items. Immutable. */
export interface CollectionVersion<T> {
  readonly version: number;
  /** Of the watcher's state that these items come from. */
  readonly revision: Revision;
  readonly epoch: number;
  readonly items: ItemMap<T>;
}

/**
 * The keys of a watcher as decoded, validated items. A value that cannot be used never costs the others: its key keeps
 * the last good item and is listed in quarantine until the value is mended or the key deleted. Iterating gives the
 * present version, then each newer one (the newest, for a slow reader).
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
  /** Leaves the watcher open. Idempotent; nothing is delivered after it. */
  close(): Promise<void>;
}

/** A collection of one key. */
export interface SingleCollection<T> extends Collection<T> {
  /** Undefined while the key is not there or was never good. */
  readonly value: T | undefined;
}

interface CommonOptions {
  /** Quiet period, ms: see `ReadOptions`. Default: 0. */
  readonly quietMs?: number;
  /** The longest a quiet period may hold a change back, ms. Default: ten quiet periods. */
  readonly maxQuietMs?: number;
  /** Holds a resync that takes more than half of the keys, and at least 3, until a fresh read confirms it. Default: off. */
  readonly guard?: boolean;
  /** Told of bad values and held deletes. Default: silent. */
  readonly logger?: Logger;
  /** Default: the system's. */
  readonly timing?: Timing;
}

export type CollectOptions<T> = DecodeOptions<T> &
  CommonOptions & {
    /** Only the keys that begin with this, relative to the watcher's prefix; the items' keys are what follows it. */
    readonly prefix?: string;
    readonly single?: never;
  };

export type SingleOptions<T> = DecodeOptions<T> &
  CommonOptions & {
    /** The one key, relative to the watcher's prefix; `true` for a watcher of one exact key. */
    readonly single: true | string;
    readonly prefix?: never;
  };

/**
 * A view of a watcher as typed items. Any number of views share the watcher's one watch.
 * @throws WatchError INVALID_OPTION.
 */
export function collect<T>(watcher: Watcher, options: SingleOptions<T>): SingleCollection<T>;
export function collect<T>(watcher: Watcher, options: CollectOptions<T>): Collection<T>;
export function collect<T>(watcher: Watcher, options: CollectOptions<T> | SingleOptions<T>): SingleCollection<T> {
  if ((options.schema === undefined) === (options.decode === undefined)) {
    throw new WatchError('INVALID_OPTION', 'A collection needs either "schema" or "decode", and not both.');
  }
  if (options.format !== undefined && !['json', 'text', 'bytes'].includes(options.format)) {
    throw new WatchError('INVALID_OPTION', `"format" must be json, text or bytes; it is ${options.format}.`);
  }
  if (options.prefix !== undefined && options.single !== undefined) {
    throw new WatchError('INVALID_OPTION', 'A collection takes "prefix" or "single", not both.');
  }
  return new CollectionView(watcher, options);
}
