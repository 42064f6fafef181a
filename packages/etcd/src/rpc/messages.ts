import type { Revision } from '@rollcall/core';
import { Blocks, KeyValue } from './keyValue.js';
import { WireReader } from './wireReader.js';

/**
 * Decoders for the bulk answers; field numbers as in etcd's rpc.proto. Absent fields have proto3's defaults. Keys and
 * events are decoded during iteration, so that the caller can pause.
 */

/** A repeated field. Iterating throws a WireError if the message is broken. */
export interface Repeated<T> extends Iterable<T> {
  readonly length: number;
}

export interface ResponseHeader {
  readonly clusterId: string;
  readonly revision: Revision;
}

export interface RangeAnswer {
  readonly header: ResponseHeader;
  readonly kvs: Repeated<KeyValue>;
  /** The last item, so that the next page can be requested before this one is decoded. */
  readonly lastKey: Uint8Array | undefined;
  /** The size of the items, bytes. */
  readonly bytes: number;
  /** The number of keys in the range, whatever the limit. */
  readonly count: string;
  readonly more: boolean;
}

/** The answers of a transaction of reads, in the order of the request. */
export interface TxnAnswer {
  readonly header: ResponseHeader;
  readonly ranges: readonly RangeAnswer[];
}

export interface StatusAnswer {
  /** The server's version, as `3.6.16`. */
  readonly version: string;
  /** The member's errors, such as `etcdserver: no leader`. */
  readonly errors: readonly string[];
}

export interface WatchEvent {
  readonly deleted: boolean;
  /** For a delete it has only the key and the revision of the delete. */
  readonly kv: KeyValue;
}

export interface WatchAnswer {
  readonly header: ResponseHeader;
  /** The watch id; "-1" for a progress reply, which is about the whole stream. */
  readonly watchId: string;
  readonly created: boolean;
  readonly canceled: boolean;
  /** The oldest revision, if the requested one is compacted; otherwise "0". */
  readonly compactRevision: Revision;
  readonly cancelReason: string;
  readonly events: Repeated<WatchEvent>;
  /** The size of the message, bytes. */
  readonly bytes: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export function decodeRange(bytes: Uint8Array): RangeAnswer {
  return rangeAnswer(bytes, new WireReader(bytes));
}

export function decodeTxn(bytes: Uint8Array): TxnAnswer {
  const reader = new WireReader(bytes);
  const ranges: RangeAnswer[] = [];
  const answer: Writable<TxnAnswer> = { header: noHeader(), ranges };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) answer.header = decodeHeader(reader);
    else if (field === 3) ranges.push(decodeResponseOp(bytes, reader));
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

function decodeResponseOp(bytes: Uint8Array, reader: WireReader): RangeAnswer {
  let answer = rangeAnswer(bytes, new WireReader(bytes, 0, 0));
  const outer = reader.enter();
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field !== 1) reader.skip();
    else {
      const after = reader.enter();
      answer = rangeAnswer(bytes, reader);
      reader.leave(after);
    }
  }
  reader.leave(outer);
  return answer;
}

function rangeAnswer(bytes: Uint8Array, reader: WireReader): RangeAnswer {
  const kvs = new Parts(bytes, KeyValue.read);
  const answer: Writable<Omit<RangeAnswer, 'lastKey' | 'bytes'>> = { header: noHeader(), kvs, count: '0', more: false };
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) answer.header = decodeHeader(reader);
    else if (field === 2) kvs.pass(reader);
    else if (field === 3) answer.more = reader.bool();
    else if (field === 4) answer.count = String(reader.int64());
    else reader.skip();
  }
  return { ...answer, lastKey: kvs.last?.key, bytes: kvs.bytes };
}

export function decodeWatch(bytes: Uint8Array): WatchAnswer {
  const reader = new WireReader(bytes);
  const events = new Parts(bytes, decodeEvent);
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
    if (field === 1) answer.header = decodeHeader(reader);
    else if (field === 2) answer.watchId = String(reader.int64());
    else if (field === 3) answer.created = reader.bool();
    else if (field === 4) answer.canceled = reader.bool();
    else if (field === 5) answer.compactRevision = String(reader.int64());
    else if (field === 6) answer.cancelReason = reader.text();
    else if (field === 11) events.pass(reader);
    else reader.skip();
  }
  return answer;
}

function decodeEvent(reader: WireReader, blocks: Blocks): WatchEvent {
  const outer = reader.enter();
  let deleted = false;
  let kv: KeyValue | undefined;
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) deleted = reader.number() === 1;
    else if (field === 2) kv = KeyValue.read(reader, blocks);
    else reader.skip();
  }
  reader.leave(outer);
  return { deleted, kv: kv ?? KeyValue.read(new WireReader(Uint8Array.of(0)), blocks) };
}

function decodeHeader(reader: WireReader): ResponseHeader {
  const header: Writable<ResponseHeader> = noHeader();
  const outer = reader.enter();
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) header.clusterId = String(reader.uint64());
    else if (field === 3) header.revision = String(reader.int64());
    else reader.skip();
  }
  reader.leave(outer);
  return header;
}

/** The fields of one kind in a message: skipped first, decoded during iteration. */
class Parts<T> implements Repeated<T> {
  /** What they weigh. */
  bytes = 0;
  readonly #message: Uint8Array;
  readonly #decode: (reader: WireReader, blocks: Blocks) => T;
  readonly #starts: number[] = [];

  constructor(message: Uint8Array, decode: (reader: WireReader, blocks: Blocks) => T) {
    this.#message = message;
    this.#decode = decode;
  }

  get length(): number {
    return this.#starts.length;
  }

  get last(): T | undefined {
    const start = this.#starts.at(-1);
    if (start === undefined) return undefined;
    return this.#decode(new WireReader(this.#message, start), new Blocks(this.#message));
  }

  /** Remembers the field at the reader's position. */
  pass(reader: WireReader): void {
    this.#starts.push(reader.at);
    this.bytes += reader.pass();
  }

  *[Symbol.iterator](): Iterator<T> {
    const reader = new WireReader(this.#message);
    const blocks = new Blocks(this.#message);
    for (const start of this.#starts) {
      reader.moveTo(start);
      yield this.#decode(reader, blocks);
    }
  }
}

function noHeader(): ResponseHeader {
  return { clusterId: '0', revision: '0' };
}
