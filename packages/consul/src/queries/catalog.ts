import type { Entry } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { keep, type Pair } from './entries.js';
import {
  encodeName,
  entryOf,
  isObject,
  jsonBytes,
  revisionOf,
  sameBytes,
  stringsOf,
  textOf,
  textsOf,
} from './entry.js';
import type { DecodedPiece, Query } from './query.js';

/**
 * The query for the catalog's nodes by name, or its services by name with the tags in use. Names are percent-encoded.
 */
export function catalogQuery({ query = {} }: Target): Query {
  const nodes = query.catalog?.[0] === 'nodes';
  const filter = query.filter?.[0];
  return {
    what: `the catalog's ${nodes ? 'nodes' : 'services'}`,
    absentIs404: false,
    cacheable: !nodes,
    isList: nodes,
    path: `/catalog/${nodes ? 'nodes' : 'services'}`,
    parameters: filter === undefined ? [] : [['filter', filter]],
    decoder:
      ({ known }) =>
      (json) => {
        const decoded = nodes ? decodeNodes(json) : decodeServices(json);
        return decoded && { ...decoded, pairs: decoded.pairs.map((pair) => keep(known, pair, isSame)) };
      },
    lost: (known, entries) => entries.size === 0 && known.size > 0,
  };
}

function isSame(known: Entry, item: Entry): boolean {
  return known.revision === item.revision && sameBytes(known, item);
}

function decodeNodes(json: unknown): DecodedPiece | undefined {
  if (!Array.isArray(json)) return undefined;
  const pairs = json.filter(isObject).flatMap((node) => {
    const pair = nodeOf(node);
    return pair === undefined ? [] : [pair];
  });
  return { pairs, malformed: json.length - pairs.length };
}

/** Undefined for a node without a name or an address. */
function nodeOf(fields: Readonly<Record<string, unknown>>): Pair | undefined {
  const { ID, Datacenter, Meta, ModifyIndex, CreateIndex } = fields;
  const [node, host] = [textOf(fields.Node), textOf(fields.Address)];
  if (!node || !host) return undefined;
  const value = jsonBytes({ host, id: textOf(ID), node, dc: textOf(Datacenter), meta: stringsOf(Meta) });
  return [encodeName(node), entryOf(value, revisionOf(ModifyIndex), revisionOf(CreateIndex))];
}

function decodeServices(json: unknown): DecodedPiece | undefined {
  if (!isObject(json)) return undefined;
  const pairs = Object.entries(json).map(([name, tags]): Pair => {
    // Consul lists tags in another order each time.
    const value = { service: name, tags: [...textsOf(tags)].sort() };
    return [encodeName(name), entryOf(jsonBytes(value), undefined, undefined)];
  });
  return { pairs, malformed: 0 };
}
