import type { Entry, Target } from '@rollcall/core';
import { entryOf, isObject, revisionOf, sameBytes } from './entry.js';
import { addressable } from './kvKey.js';
import type { Decoded, Query } from './query.js';

/** All keys under a prefix, or one key. @throws WatchError INVALID_OPTION for one that Consul cannot address. */
export function kvQuery({ prefix, exact }: Target): Query {
  const key = addressable(prefix);
  const recurse = exact ? {} : { recurse: true as const };
  return {
    what: `the KV ${exact ? 'key' : 'prefix'} ${JSON.stringify(prefix)}`,
    absentIs404: true,
    send: (client, options) => client.kv.get({ ...options, key, ...recurse, buffer: true }),
    decode: (body) => (Array.isArray(body) ? decodePairs(body, prefix) : undefined),
    same: (known, pair) =>
      known.revision === pair.revision && known.createRevision === pair.createRevision && sameBytes(known, pair),
    // Each answer, a blocking one too, tells by a header that keys were hidden; an anonymous caller sees an empty list.
    lost: (known, entries) => entries.size === 0 && known.size > 0,
  };
}

function decodePairs(pairs: readonly unknown[], prefix: string): Decoded {
  const entries = new Map<string, Entry>();
  let malformed = 0;
  for (const pair of pairs) {
    const key = isObject(pair) ? pair.Key : undefined;
    if (isObject(pair) && typeof key === 'string' && key.startsWith(prefix)) {
      entries.set(key.slice(prefix.length), pairEntry(pair));
    } else malformed++;
  }
  return { entries, malformed };
}

function pairEntry({ Value, ModifyIndex, CreateIndex }: Readonly<Record<string, unknown>>): Entry {
  // An empty value is null. Copied: a small Buffer would keep the pool it was cut from.
  const value = Value instanceof Uint8Array ? new Uint8Array(Value) : new Uint8Array();
  return entryOf(value, revisionOf(ModifyIndex), revisionOf(CreateIndex));
}
