import type { Revision } from '@rollcall/core';
import { WireReader } from './wireReader.js';

/**
 * The answers that come in bulk, decoded by hand; field numbers are those of etcd's rpc.proto and kv.proto. Absent
 * fields have proto3's defaults. 64-bit numbers are decimal text throughout.
 */

export interface Header {
  readonly clusterId: string;
  readonly revision: Revision;
}

export interface KeyValue {
  /** A view of the message. */
  readonly key: Uint8Array;
  /** A view of the message. */
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

export interface RangeAnswer {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  /** How many keys the range holds, regardless of the limit. */
  readonly count: string;
  readonly more: boolean;
}

/** What a transaction of reads found, in the order of the request. */
export interface TxnAnswer {
  readonly header: Header;
  readonly ranges: readonly RangeAnswer[];
}

export interface StatusAnswer {
  /** As `3.6.16`. */
  readonly version: string;
  /** What is wrong with the member, such as `etcdserver: no leader`. */
  readonly errors: readonly string[];
}

export interface WatchEvent {
  readonly deleted: boolean;
  /** On a delete only the key and the revision of the delete. */
  readonly kv: KeyValue;
}

export interface WatchAnswer {
  readonly header: Header;
  /** "-1" on the reply to a progress request, which speaks for the whole stream. */
  readonly watchId: string;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Above "0" when the revision asked for is compacted: the oldest one that there is. */
  readonly compactRevision: Revision;
  readonly cancelReason: string;
  readonly events: readonly WatchEvent[];
  /** What the message weighed. */
  readonly bytes: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NOTHING = new Uint8Array(0);

export function decodeRange(bytes: Uint8Array): RangeAnswer {
  return rangeAnswer(new WireReader(bytes));
}

export function decodeTxn(bytes: Uint8Array): TxnAnswer {
  const reader = new WireReader(bytes);
  const ranges: RangeAnswer[] = [];
  const answer: Writable<TxnAnswer> = { header: noHeader(), ranges };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) answer.header = decodeHeader(reader.message());
    else if (field === 3) ranges.push(decodeResponseOp(reader.message()));
    else reader.skip();
  }
  return answer;
}

export function decodeStatus(bytes: Uint8Array): StatusAnswer {
  const reader = new WireReader(bytes);
  const errors: string[] = [];
  const answer: Writable<StatusAnswer> = { version: '', errors };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 2) answer.version = reader.text();
    else if (field === 8) errors.push(reader.text());
    else reader.skip();
  }
  return answer;
}

function decodeResponseOp(reader: WireReader): RangeAnswer {
  let answer: RangeAnswer = { header: noHeader(), kvs: [], count: '0', more: false };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) answer = rangeAnswer(reader.message());
    else reader.skip();
  }
  return answer;
}

function rangeAnswer(reader: WireReader): RangeAnswer {
  const kvs: KeyValue[] = [];
  const answer: Writable<RangeAnswer> = { header: noHeader(), kvs, count: '0', more: false };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) answer.header = decodeHeader(reader.message());
    else if (field === 2) kvs.push(decodeKeyValue(reader.message()));
    else if (field === 3) answer.more = reader.bool();
    else if (field === 4) answer.count = reader.int64();
    else reader.skip();
  }
  return answer;
}

export function decodeWatch(bytes: Uint8Array): WatchAnswer {
  const reader = new WireReader(bytes);
  const events: WatchEvent[] = [];
  const answer: Writable<WatchAnswer> = {
    header: noHeader(),
    watchId: '0',
    created: false,
    canceled: false,
    compactRevision: '0',
    cancelReason: '',
    events,
    bytes: bytes.length,
  };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) answer.header = decodeHeader(reader.message());
    else if (field === 2) answer.watchId = reader.int64();
    else if (field === 3) answer.created = reader.bool();
    else if (field === 4) answer.canceled = reader.bool();
    else if (field === 5) answer.compactRevision = reader.int64();
    else if (field === 6) answer.cancelReason = reader.text();
    else if (field === 11) events.push(decodeEvent(reader.message()));
    else reader.skip();
  }
  return answer;
}

function decodeEvent(reader: WireReader): WatchEvent {
  const event: Writable<WatchEvent> = { deleted: false, kv: noKeyValue() };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) event.deleted = reader.number() === 1;
    else if (field === 2) event.kv = decodeKeyValue(reader.message());
    else reader.skip();
  }
  return event;
}

function decodeKeyValue(reader: WireReader): KeyValue {
  const kv: Writable<KeyValue> = noKeyValue();
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) kv.key = reader.bytes();
    else if (field === 2) kv.createRevision = reader.int64();
    else if (field === 3) kv.modRevision = reader.int64();
    else if (field === 5) kv.value = reader.bytes();
    else reader.skip();
  }
  return kv;
}

function decodeHeader(reader: WireReader): Header {
  const header: Writable<Header> = noHeader();
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) header.clusterId = reader.uint64();
    else if (field === 3) header.revision = reader.int64();
    else reader.skip();
  }
  return header;
}

function noHeader(): Header {
  return { clusterId: '0', revision: '0' };
}

function noKeyValue(): KeyValue {
  return { key: NOTHING, value: NOTHING, createRevision: '0', modRevision: '0' };
}
