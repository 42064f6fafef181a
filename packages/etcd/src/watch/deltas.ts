import type { Delta, SourceEvent } from '@rollcall/core/adapter';
import type { KeyValue } from '../rpc/keyValue.js';
import type { WatchEvent } from '../rpc/messages.js';
import type { KeyNames } from '../rpc/range.js';

/** One delta for each revision of an answer. The server never splits a revision over two answers. */
export function* deltasOf(events: Iterable<WatchEvent>, names: KeyNames): Generator<Delta> {
  let first: KeyValue | undefined;
  let revision = '0';
  let told: SourceEvent[] = [];
  for (const { deleted, kv } of events) {
    const isNext = first === undefined || !kv.isOfSameRevision(first);
    if (isNext && first !== undefined) yield { type: 'delta', revision, events: told };
    if (isNext) {
      first = kv;
      revision = kv.modRevision;
    }
    const key = names.relative(kv);
    const event: SourceEvent = deleted ? { type: 'delete', key, revision } : { type: 'put', key, entry: kv.entry };
    if (isNext) told = [event];
    else told.push(event);
  }
  if (first !== undefined) yield { type: 'delta', revision, events: told };
}
