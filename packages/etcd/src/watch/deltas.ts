import type { SourceEvent, Update } from '@rollcall/core';
import type { WatchEvent } from '../rpc/messages.js';
import type { KeyNames } from '../rpc/range.js';
import { entryOf } from './entry.js';

type Delta = Extract<Update, { type: 'delta' }>;

/** One delta of each revision's events, in order. The server sends whole revisions in one answer. */
export function deltasOf(events: readonly WatchEvent[], names: KeyNames): Delta[] {
  const deltas: { type: 'delta'; revision: string; events: SourceEvent[] }[] = [];
  for (const event of events) {
    const revision = event.kv.modRevision;
    let last = deltas.at(-1);
    if (last?.revision !== revision) {
      last = { type: 'delta', revision, events: [] };
      deltas.push(last);
    }
    last.events.push(eventOf(event, names));
  }
  return deltas;
}

function eventOf({ deleted, kv }: WatchEvent, names: KeyNames): SourceEvent {
  const key = names.relative(kv.key);
  return deleted ? { type: 'delete', key, revision: kv.modRevision } : { type: 'put', key, entry: entryOf(kv) };
}
