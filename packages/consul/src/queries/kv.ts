import type { Entry } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { type Pair, Walk } from './entries.js';
import { entryOf, isObject, revisionOf, sameBytes } from './entry.js';
import { addressable, pathOfKey } from './kvKey.js';
import type { DecodeContext, DecodeItems, Query } from './query.js';

type JsonFields = Readonly<Record<string, unknown>>;

/**
 * The query for all keys under a prefix, or one key. @throws WatchError INVALID_OPTION for a key that Consul cannot
 * address.
 */
export function kvQuery({ prefix, exact }: Target): Query {
  const key = addressable(prefix);
  return {
    what: `the KV ${exact ? 'key' : 'prefix'} ${JSON.stringify(prefix)}`,
    absentIs404: true,
    cacheable: false,
    isList: true,
    path: pathOfKey(key),
    parameters: exact ? [] : [['recurse', '']],
    decoder: (before) => decoder(prefix, before),
    // A KV answer says in a header if access rules hid keys, so missing keys were deleted. Only an anonymous caller
    // gets an empty list without it: a list that became empty must be confirmed.
    lost: (known, entries) => entries.size === 0 && known.size > 0,
  };
}

function decoder(prefix: string, { known }: DecodeContext): DecodeItems {
  // Consul lists keys in byte order, and `Walk` goes through the known ones in JavaScript's, which differs beyond
  // U+FFFF. A known entry may then be missed: an unchanged entry becomes a new object, and is compared again by the
  // core.
  const walk = new Walk(known);
  return (json) => {
    if (!Array.isArray(json)) return undefined;
    const pairs: Pair[] = [];
    for (const item of json) {
      const pair = isObject(item) ? pairOf(item, prefix, walk) : undefined;
      if (pair !== undefined) pairs.push(pair);
    }
    return { pairs, malformed: json.length - pairs.length };
  };
}

/** Undefined for an item without a key, or with a key that was not asked for. */
function pairOf(fields: JsonFields, prefix: string, walk: Walk): Pair | undefined {
  const { Key: key } = fields;
  if (typeof key !== 'string' || !key.startsWith(prefix)) return undefined;
  const name = key.slice(prefix.length);
  const known = walk.find(name);
  const entry = decode(fields);
  // Bytes are compared as well: a restored snapshot may have another value at the same ModifyIndex.
  return known !== undefined && sameRevision(known[1], fields) && sameBytes(known[1], entry) ? known : [name, entry];
}

function sameRevision({ revision, createRevision }: Entry, { ModifyIndex, CreateIndex }: JsonFields): boolean {
  return revision === revisionOf(ModifyIndex) && createRevision === revisionOf(CreateIndex);
}

function decode({ Value, ModifyIndex, CreateIndex }: JsonFields): Entry {
  // An empty value is null. The bytes are copied: a small Buffer would keep the pool that it was cut from.
  const value = typeof Value === 'string' ? new Uint8Array(Buffer.from(Value, 'base64')) : new Uint8Array();
  return entryOf(value, revisionOf(ModifyIndex), revisionOf(CreateIndex));
}
