import type { Logger } from '../runtime/logger.js';
import type { Timing } from '../runtime/timing.js';
import type { DecodeOptions } from './decode.js';

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
