import type { Entry, Target } from '@rollcall/core';
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
import type { Decoded, Query } from './query.js';

/** The nodes of the catalog by name, or its services by name with the tags in use; names are percent-encoded. */
export function catalogQuery({ query = {} }: Target): Query {
  const nodes = query.catalog?.[0] === 'nodes';
  const filter = query.filter?.[0] === undefined ? {} : { filter: query.filter[0] };
  return {
    what: `the catalog's ${nodes ? 'nodes' : 'services'}`,
    absentIs404: false,
    send: (client, options) => client.catalog[nodes ? 'nodes' : 'services']({ ...options, ...filter }),
    decode: nodes ? decodeNodes : decodeServices,
    same: (known, item) => known.revision === item.revision && sameBytes(known, item),
    lost: (known, entries) => entries.size === 0 && known.size > 0,
  };
}

function decodeNodes(body: unknown): Decoded | undefined {
  if (!Array.isArray(body)) return undefined;
  const nodes = body.filter(isObject).flatMap((node) => nodeOf(node) ?? []);
  return { entries: new Map(nodes.map(({ name, entry }) => [name, entry])), malformed: body.length - nodes.length };
}

/** Undefined for a node without a name or an address. */
function nodeOf(fields: Readonly<Record<string, unknown>>): { name: string; entry: Entry } | undefined {
  const { ID, Datacenter, Meta, ModifyIndex, CreateIndex } = fields;
  const [node, host] = [textOf(fields.Node), textOf(fields.Address)];
  if (!node || !host) return undefined;
  const value = jsonBytes({ host, id: textOf(ID), node, dc: textOf(Datacenter), meta: stringsOf(Meta) });
  return { name: encodeName(node), entry: entryOf(value, revisionOf(ModifyIndex), revisionOf(CreateIndex)) };
}

function decodeServices(body: unknown): Decoded | undefined {
  if (!isObject(body)) return undefined;
  const entries = Object.entries(body).map(([name, tags]): [string, Entry] => {
    // Consul gives them in a different order each time.
    const value = { service: name, tags: [...textsOf(tags)].sort() };
    return [encodeName(name), entryOf(jsonBytes(value), undefined, undefined)];
  });
  return { entries: new Map(entries), malformed: 0 };
}
