import type { SourceEvent, Update } from '@rollcall/core';
import type { KeyValue } from '../rpc/keyValue.js';
import type { WatchEvent } from '../rpc/messages.js';
import type { KeyNames } from '../rpc/range.js';

type Delta = Extract<Update, { type: 'delta' }>;

/** One delta of each revision's events, in order. The server sends whole revisions in one answer. */
export function deltasOf(events: Iterable<WatchEvent>, names: KeyNames): Delta[] {
  const deltas: Delta[] = [];
  let last: KeyValue | undefined;
  let told: SourceEvent[] = [];
  for (const { deleted, kv } of events) {
    if (last === undefined || !kv.isOfSameRevision(last)) {
      told = [];
      deltas.push({ type: 'delta', revision: kv.modRevision, events: told });
    }
    last = kv;
    const key = names.relative(kv);
    told.push(deleted ? { type: 'delete', key, revision: kv.modRevision } : { type: 'put', key, entry: kv.entry });
  }
  return deltas;
}
