/**
 * What the packages of this repository share among themselves. Not public: any of it may change or go in any version.
 */
export { admission } from './adapter/admission.js';
export type { DialBoard } from './adapter/dialBoard.js';
export { isOfTheEndpoint } from './adapter/endpointFailure.js';
export { locate } from './adapter/locate.js';
export { networkFailure, type Wording } from './adapter/networkFailure.js';
export { type Connection, Pool, type PoolOptions } from './adapter/pool.js';
export { readOnce } from './adapter/readOnce.js';
export { Latest, type LatestValue } from './feed/latest.js';
export { type UntilOptions, until } from './feed/until.js';
export { compareKeys, isEscapedKey, prefixEnd } from './model/keys.js';
export { PackedEntry, type WholeNumber } from './model/packedEntry.js';
export { printable, quote } from './model/printable.js';
export { isRevision } from './model/revision.js';
export { KeyMapBuilder } from './model/tree.js';
export { LinkedAbort, untilAborted } from './runtime/abort.js';
export { Limiter } from './runtime/limiter.js';
export { guardedLogger, silentLogger } from './runtime/logger.js';
export { Slices } from './runtime/slices.js';
export { LogThrottle } from './runtime/throttle.js';
export { delay } from './runtime/timing.js';
export { backoffMs } from './watch/backoff.js';
