export { backoffMs } from './backoff.js';
export {
  type Collection,
  type CollectionVersion,
  type CollectOptions,
  collect,
  type SingleCollection,
  type SingleOptions,
} from './collection.js';
export { type Decode, type DecodeOptions, type Format, parseJson, parseText } from './collectionDecode.js';
export type { ItemMap } from './collectionItems.js';
export { printable } from './collectionReason.js';
export type { Quarantined } from './collectionState.js';
export { Endpoints, isOfTheEndpoint } from './endpoints.js';
export { ERROR_CODES, type ErrorCode, WatchError } from './errors.js';
export { compareKeys, isEscapedKey, keyFromBytes, keyToBytes, prefixEnd } from './keys.js';
export { Latest } from './latest.js';
export { locate } from './locate.js';
export { type Logger, silentLogger } from './logger.js';
export { LogThrottle } from './logThrottle.js';
export { type Found, readOnce } from './readOnce.js';
export { refuseLeases } from './refuseLeases.js';
export { createRegistry, type OpenedSource, type Registry, type RegistryOptions } from './registry.js';
export { compareRevisions, isRevision } from './revision.js';
export type {
  Adapter,
  ConnectOptions,
  GrantedLease,
  Location,
  OpenOptions,
  PutOptions,
  Resume,
  Source,
  SourceEvent,
  Target,
  TlsOptions,
  Update,
  WatchOptions,
} from './source.js';
export { StatusFeed } from './statusFeed.js';
export { delay, systemTiming, type Timing } from './timing.js';
export type {
  Batch,
  Change,
  Entry,
  KeyMap,
  ReadOptions,
  ReadResult,
  Revision,
  Snapshot,
  Status,
  Watcher,
} from './types.js';
export { type UntilOptions, until } from './until.js';
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
} from './url.js';
