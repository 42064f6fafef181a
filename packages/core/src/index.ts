/**
 * The door for those who watch: registries, watchers, collections and their types. `@rollcall/core/adapter` is the door
 * for those who write a backend, `@rollcall/core/conformance` has the tests that every backend must pass.
 */
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
export { BrokerAddress } from './model/brokerAddress.js';
export { ERROR_CODES, type ErrorCode, WatchError, type WatchErrorOptions } from './model/errors.js';
export { keyFromBytes, keyToBytes } from './model/keys.js';
export type { ConnectOptions, TlsOptions, WatchOptions } from './model/options.js';
export { compareRevisions, type Revision } from './model/revision.js';
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
export type { Logger } from './runtime/logger.js';
export { systemTiming, type Timing } from './runtime/timing.js';
export { createRegistry, type OpenedSource, type Registry, type RegistryOptions } from './watch/registry.js';
