export {
  type Adapter,
  type Batch,
  type Change,
  type ConnectOptions,
  collect,
  compareRevisions,
  type Entry,
  ERROR_CODES,
  type ErrorCode,
  type KeyMap,
  keyFromBytes,
  keyToBytes,
  type Logger,
  type OpenedSource,
  type ReadOptions,
  type ReadResult,
  type Revision,
  type Snapshot,
  type Source,
  type Status,
  type Target,
  type TlsOptions,
  WatchError,
  type Watcher,
  type WatchOptions,
} from '@rollcall/core';
export {
  BootstrapRelay,
  brokerList,
  followBrokers,
  kafkajsOptions,
  librdkafkaOptions,
  type RelayOptions,
  type RelayStats,
} from '@rollcall/kafka';
export type { RollcallConfig, WatchConfig } from './config.js';
export type { Environment } from './environment.js';
export { createRollcall, type Rollcall, type RollcallOptions } from './rollcall.js';
