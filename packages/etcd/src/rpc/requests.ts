import type { Revision } from '@rollcall/core';
import { WireWriter } from './wireWriter.js';

/** Encoders for the requests of a watch; field numbers as in etcd's rpc.proto. */

/** A range of keys. Without `rangeEnd`: one key. */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
}

export interface RangeRequest extends KeyRange {
  /** The most keys. Default: all. */
  readonly limit?: number;
  /** The revision to read at. Default: the newest. */
  readonly revision?: Revision;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** Only keys written at or after this revision. */
  readonly minModRevision?: Revision;
}

/** Reads at one moment, in order; at most 128 (etcd's --max-txn-ops). */
export type TxnRequest = readonly RangeRequest[];

export type WatchRequest =
  | { readonly type: 'create'; readonly range: KeyRange; readonly start: Revision; readonly watchId: string }
  | { readonly type: 'cancel'; readonly watchId: string }
  | { readonly type: 'progress' };

export function encodeRange(request: RangeRequest): Buffer {
  return rangeOf(request).finish();
}

export function encodeTxn(ranges: TxnRequest): Buffer {
  const writer = new WireWriter();
  // TxnRequest.success, a list of RequestOp; RequestOp.request_range.
  for (const range of ranges) writer.message(2, new WireWriter().message(1, rangeOf(range)));
  return writer.finish();
}

export function encodeWatch(request: WatchRequest): Buffer {
  const writer = new WireWriter();
  if (request.type === 'create') {
    const { key, rangeEnd } = request.range;
    const create = new WireWriter().bytes(1, key).bytes(2, rangeEnd).int64(3, request.start);
    writer.message(1, create.int64(7, request.watchId));
  } else if (request.type === 'cancel') {
    writer.message(2, new WireWriter().int64(1, request.watchId));
  } else {
    writer.message(3, new WireWriter());
  }
  return writer.finish();
}

function rangeOf(request: RangeRequest): WireWriter {
  return new WireWriter()
    .bytes(1, request.key)
    .bytes(2, request.rangeEnd)
    .int64(3, request.limit === undefined ? undefined : String(request.limit))
    .int64(4, request.revision)
    .bool(8, request.keysOnly)
    .bool(9, request.countOnly)
    .int64(10, request.minModRevision);
}
