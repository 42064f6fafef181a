import { compareRevisions, type Entry, type Revision } from '@rollcall/core';
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
import type { DecodeContext, DecodedPiece, Query } from './query.js';

type JsonFields = Readonly<Record<string, unknown>>;

/** The query for the instances of one service with their health, by `<node>/<id>`. */
export function instancesQuery({ query = {} }: Target): Query {
  const [service = ''] = query.service ?? [];
  const { tag, passing, filter } = query;
  return {
    what: `the service ${JSON.stringify(service)}`,
    absentIs404: false,
    cacheable: true,
    isList: true,
    path: `/health/service/${encodeURIComponent(service)}`,
    parameters: [
      ...(tag ?? []).map((each) => ['tag', each] as const),
      ...(passing ? [['passing', 'true'] as const] : []),
      ...(filter?.[0] === undefined ? [] : [['filter', filter[0]] as const]),
    ],
    decoder: (before) => (json) => (Array.isArray(json) ? decodeInstances(json, before) : undefined),
    // A blocking query on a service (X-Consul-Query-Backend: streaming) leaves out what access rules forbid, without a
    // header.
    lost: (known, entries) => Array.from(known).some(([key]) => !entries.has(key)),
  };
}

function decodeInstances(items: readonly unknown[], { known, index }: DecodeContext): DecodedPiece {
  const pairs: Pair[] = [];
  for (const item of items) {
    const pair = isObject(item) ? instanceOf(item) : undefined;
    if (pair !== undefined) pairs.push(keep(known, pair, (before, entry) => isSame(before, entry, index)));
  }
  return { pairs, malformed: items.length - pairs.length };
}

/** A check's output changes the index, and nothing that is shown. */
function isSame(known: Entry, instance: Entry, index: Revision): boolean {
  return (
    sameBytes(known, instance) &&
    known.createRevision === instance.createRevision &&
    // A higher revision means another history.
    (known.revision === undefined || compareRevisions(known.revision, index) <= 0)
  );
}

/**
 * An instance's key and value; undefined for an item without a service, node, id or host. Port 0 stays: Consul has
 * services without a port.
 */
function instanceOf({ Node: node, Service: service, Checks }: JsonFields): Pair | undefined {
  if (!isObject(node) || !isObject(service)) return undefined;
  const name = textOf(node.Node);
  const id = textOf(service.ID) || textOf(service.Service);
  const host = textOf(service.Address) || textOf(node.Address);
  if (!name || !id || !host) return undefined;
  const checks = Array.isArray(Checks) ? Checks.filter(isObject) : [];
  const status = statusOf(checks);
  const value = jsonBytes({
    host,
    port: Number.isInteger(service.Port) ? service.Port : 0,
    id,
    node: name,
    tags: textsOf(service.Tags),
    meta: stringsOf(service.Meta),
    status,
    weight: weightOf(service.Weights, status),
  });
  const revision = newest([service, node, ...checks]);
  return [`${encodeName(name)}/${encodeName(id)}`, entryOf(value, revision, revisionOf(service.CreateIndex))];
}

/** The worst check counts, as in Consul's own API package. */
function statusOf(checks: readonly JsonFields[]): string {
  if (checks.some(({ CheckID }) => /^_(node|service)_maintenance/.test(textOf(CheckID)))) return 'maintenance';
  const statuses = new Set(checks.map(({ Status }) => Status));
  if (statuses.has('critical')) return 'critical';
  return statuses.has('warning') ? 'warning' : 'passing';
}

/** The weight as in Consul's DNS: 1 unless the service has another. */
function weightOf(weights: unknown, status: string): number {
  const weight = isObject(weights) ? weights[status === 'warning' ? 'Warning' : 'Passing'] : undefined;
  return Number.isInteger(weight) ? (weight as number) : 1;
}

/** The value is made of the service, its node and its checks: the newest of their revisions counts. */
function newest(parts: readonly JsonFields[]): Revision | undefined {
  const revisions = parts.flatMap(({ ModifyIndex }) => revisionOf(ModifyIndex) ?? []);
  return revisions.sort(compareRevisions).at(-1);
}
