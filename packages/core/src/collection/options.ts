import type { Logger } from '../runtime/logger.js';
import type { Timing } from '../runtime/timing.js';
import type { DecodeOptions, OnItem } from './decode.js';

interface CommonOptions<T, U> {
  /** Called with each good item before it is shown. It may replace the item, or refuse it by throwing. */
  readonly onItem?: OnItem<T, U>;
  /** Quiet period, ms: see `ReadOptions`. Default: 0. */
  readonly quietMs?: number;
  /** The longest a quiet period may hold a change back, ms. Default: ten quiet periods. */
  readonly maxQuietMs?: number;
  /**
   * If a resync removes more than half of the keys, and at least 3, keeps them until a second full read confirms it.
   * Default: off.
   */
  readonly guard?: boolean;
  /** Gets a line for each bad value and held delete. Default: silent. */
  readonly logger?: Logger;
  /** Clock, timers and randomness. Default: the system's. */
  readonly timing?: Timing;
}

/**
 * @typeParam T the type of decoded items. @typeParam U the type that is shown: T, unless `onItem` returns something
 *   else.
 */
export type CollectOptions<T, U = T> = DecodeOptions<T> &
  CommonOptions<T, U> & {
    /** Only keys that begin with this, relative to the watcher's prefix. Items are named by the rest of the key. */
    readonly prefix?: string;
    /**
     * Whether folder markers are items: keys that end in "/", and a key that equals `prefix`. Consul's UI and other
     * programs write them. Default: false.
     */
    readonly folders?: boolean;
    readonly single?: never;
  };

export type SingleOptions<T, U = T> = DecodeOptions<T> &
  CommonOptions<T, U> & {
    /** The one key, relative to the watcher's prefix; `true` for a watcher of one exact key. */
    readonly single: true | string;
    readonly prefix?: never;
    readonly folders?: never;
  };
