export type { DialBoard } from './adapter/dialBoard.js';
export { isOfTheEndpoint } from './adapter/endpointFailure.js';
export { locate } from './adapter/locate.js';
export { type NetworkFailure, networkFailure, type Wording } from './adapter/networkFailure.js';
export { type Connection, Pool, type PoolOptions } from './adapter/pool.js';
export { type Found, readOnce } from './adapter/readOnce.js';
export { refuseLeases } from './adapter/refuseLeases.js';
export { checkTls, refuseOptions } from './adapter/refuseOptions.js';
export type {
  Adapter,
  Delta,
  GrantedLease,
  Location,
  OpenOptions,
  PutOptions,
  QuietUpdate,
  Resume,
  Source,
  SourceEvent,
  Target,
  Update,
} from './adapter/source.js';
export {
  type Endpoint,
  formatEndpoint,
  invalidUrl,
  parseEndpoints,
  type QueryNames,
  redactUrl,
  schemeOf,
  splitUrl,
  targetOf,
  type UrlParts,
} from './adapter/url.js';
export type { Built, BuiltMap } from './collection/built.js';
export { collect } from './collection/collect.js';
export type { Collection, CollectionVersion, Dispose, SingleCollection } from './collection/collection.js';
export {
  type Decode,
  type DecodeOptions,
  type Format,
  type OnItem,
  parseJson,
  parseText,
  type Shown,
} from './collection/decode.js';
export { type Derived, type DeriveOptions, derive } from './collection/derive.js';
export type { ItemMap } from './collection/items.js';
export type { CollectOptions, SingleOptions } from './collection/options.js';
export type { Quarantined } from './collection/state.js';
export { Latest } from './feed/latest.js';
export { StatusFeed } from './feed/statusFeed.js';
export { type UntilOptions, until } from './feed/until.js';
export { BrokerAddress } from './model/brokerAddress.js';
export { ERROR_CODES, type ErrorCode, WatchError } from './model/errors.js';
export { compareKeys, isEscapedKey, keyFromBytes, keyToBytes, prefixEnd } from './model/keys.js';
export { checkKnownOptions, optionNames } from './model/knownOptions.js';
export type { ConnectOptions, TlsOptions, WatchOptions } from './model/options.js';
export { PackedEntry, type WholeNumber } from './model/packedEntry.js';
export { printable, quote } from './model/printable.js';
export type { Revision } from './model/revision.js';
export { compareRevisions, isRevision } from './model/revision.js';
export { KeyMapBuilder } from './model/tree.js';
export type {
  Batch,
  Change,
  Entry,
  KeyMap,
  ReadOptions,
  ReadResult,
  Snapshot,
  Status,
  Watcher,
} from './model/types.js';
export { LinkedAbort, untilAborted } from './runtime/abort.js';
export { Limiter } from './runtime/limiter.js';
export { guardedLogger, type Logger, silentLogger } from './runtime/logger.js';
export { Slices } from './runtime/slices.js';
export { LogThrottle } from './runtime/throttle.js';
export { delay, systemTiming, type Timing } from './runtime/timing.js';
export { backoffMs } from './watch/backoff.js';
export { createRegistry, type OpenedSource, type Registry, type RegistryOptions } from './watch/registry.js';
