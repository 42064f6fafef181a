import {
  decodeRange,
  decodeStatus,
  decodeTxn,
  decodeWatch,
  type RangeAnswer,
  type StatusAnswer,
  type TxnAnswer,
  type WatchAnswer,
} from './messages.js';
import {
  encodeRange,
  encodeTxn,
  encodeWatch,
  type RangeRequest,
  type TxnRequest,
  type WatchRequest,
} from './requests.js';

/** One method of a gRPC service: its path, and how its messages are written and read. */
export interface Method<Req, Res> {
  readonly path: string;
  serialize(request: Req): Buffer;
  deserialize(bytes: Buffer): Res;
}

/**
 * The methods of a watch's hot path. They need no description of etcd's API at run time: `etcd3` takes 150 ms to load
 * and compile it, and its general decoder takes twice as long for each message.
 */
export const RANGE: Method<RangeRequest, RangeAnswer> = {
  path: '/etcdserverpb.KV/Range',
  serialize: encodeRange,
  deserialize: decodeRange,
};

export const TXN: Method<TxnRequest, TxnAnswer> = {
  path: '/etcdserverpb.KV/Txn',
  serialize: encodeTxn,
  deserialize: decodeTxn,
};

export const WATCH: Method<WatchRequest, WatchAnswer> = {
  path: '/etcdserverpb.Watch/Watch',
  serialize: encodeWatch,
  deserialize: decodeWatch,
};

export const STATUS: Method<undefined, StatusAnswer> = {
  path: '/etcdserverpb.Maintenance/Status',
  serialize: () => Buffer.alloc(0),
  deserialize: decodeStatus,
};
