import type { Logger } from '../runtime/logger.js';
import type { Timing } from '../runtime/timing.js';
import type { DecodeOptions, OnItem } from './decode.js';

interface CommonOptions<T, U> {
  /** Sees each good item before it is shown, and may transform it or, by throwing, refuse it. */
  readonly onItem?: OnItem<T, U>;
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

/** @typeParam T what is decoded. @typeParam U what is shown: the same, unless `onItem` returns something else. */
export type CollectOptions<T, U = T> = DecodeOptions<T> &
  CommonOptions<T, U> & {
    /** Only the keys that begin with this, relative to the watcher's prefix; the items' keys are what follows it. */
    readonly prefix?: string;
    /**
     * Whether folder markers are items, too: keys that end in "/", and one that equals `prefix`. Consul's UI and other
     * programs write them, with nothing or anything in them. Default: false.
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
