import type { KeyValue } from '../../src/rpc/keyValue.js';
import { decodeRange, decodeWatch, type RangeAnswer, type WatchEvent } from '../../src/rpc/messages.js';
import { WireWriter } from '../../src/rpc/wireWriter.js';

interface Fields {
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
  readonly createRevision?: string;
  readonly modRevision?: string;
}

/** A range answer with these keys. */
export function rangeAnswerOf(kvs: readonly Fields[]): RangeAnswer {
  const writer = new WireWriter();
  for (const kv of kvs) writer.message(2, written(kv));
  return decodeRange(writer.finish());
}

export function keyValueOf(fields: Fields): KeyValue {
  const [kv] = rangeAnswerOf([fields]).kvs;
  if (kv === undefined) throw new Error('a key was encoded, and none was decoded');
  return kv;
}

/** The events as they come out of a message of a watch, and the message. */
export function eventsOf(events: readonly (Fields & { readonly deleted: boolean })[]): {
  readonly message: Buffer;
  readonly events: Iterable<WatchEvent>;
} {
  const writer = new WireWriter();
  for (const event of events) writer.message(11, new WireWriter().bool(1, event.deleted).message(2, written(event)));
  const message = writer.finish();
  return { message, events: decodeWatch(message).events };
}

function written({ key, value, createRevision, modRevision }: Fields): WireWriter {
  return new WireWriter().bytes(1, key).int64(2, createRevision).int64(3, modRevision).bytes(5, value);
}
