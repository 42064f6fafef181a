import { invalidUrl, type QueryNames, type Target, targetOf } from '@rollcall/core/adapter';
import { CONSISTENCY_NAMES } from '../http/consistency.js';
import { SCOPE_NAMES } from '../http/scope.js';
import { unaddressable } from './kvKey.js';

export const QUERY_NAMES: QueryNames = {
  single: ['service', 'passing', 'filter', 'catalog', ...SCOPE_NAMES, ...CONSISTENCY_NAMES],
  repeatable: ['tag'],
};

type UrlQuery = Readonly<Record<string, readonly string[]>>;

/**
 * The target of a URL: a KV key or prefix, a service's instances, or the catalog.
 * @throws WatchError INVALID_URL for a missing path, a key that Consul cannot address, a value that cannot be used, or
 *   query names that do not go together.
 */
export function targetOfUrl(url: string, path: string | undefined, query: UrlQuery): Target {
  const all = Object.values(query).flat();
  if (!all.every((value) => value.isWellFormed())) throw invalidUrl(url, 'its query is not UTF-8');
  const { service, catalog } = query;
  if (service === undefined && catalog === undefined) return kvTarget(url, path, query);
  if (service !== undefined && catalog !== undefined) {
    throw invalidUrl(url, 'it names a service and the catalog; watch them by one URL each');
  }
  if (path) throw invalidUrl(url, 'it names a key and a service or the catalog; leave the path out');
  return { prefix: '', query: service === undefined ? catalogQuery(url, query) : serviceQuery(url, query) };
}

function kvTarget(url: string, path: string | undefined, query: UrlQuery): Target {
  const orphan = ['tag', 'passing', 'filter'].find((name) => query[name] !== undefined);
  if (orphan !== undefined)
    throw invalidUrl(url, `"${orphan}" needs a "service"${orphan === 'filter' ? ' or a "catalog"' : ''} beside it`);
  if (query.cached?.[0] === 'true') {
    throw invalidUrl(
      url,
      'no agent caches the KV store; leave "cached" out, or write "consistency=stale" for any server',
    );
  }
  if (path === undefined) throw invalidUrl(url, 'it has no path; end it with / to watch all keys');
  const why = unaddressable(path);
  if (why !== undefined) throw invalidUrl(url, why);
  return targetOf(path);
}

function serviceQuery(url: string, { service = [], tag = [], passing, filter }: UrlQuery): UrlQuery {
  if (service[0] === '') throw invalidUrl(url, '"service" has no value; give the name of a service');
  if (tag.includes('')) throw invalidUrl(url, '"tag" has no value; leave it out for all tags');
  const only = passing?.[0] ?? 'false';
  if (only !== 'true' && only !== 'false') throw invalidUrl(url, '"passing" must be true or false');
  return {
    service,
    ...(tag.length > 0 && { tag: [...new Set(tag)].sort() }),
    ...(only === 'true' && { passing: ['true'] }),
    ...(filter && { filter }),
  };
}

function catalogQuery(url: string, { catalog = [], tag, passing, filter, cached }: UrlQuery): UrlQuery {
  if (catalog[0] !== 'nodes' && catalog[0] !== 'services') throw invalidUrl(url, '"catalog" must be nodes or services');
  const orphan = tag ? 'tag' : passing ? 'passing' : undefined;
  if (orphan !== undefined) throw invalidUrl(url, `"${orphan}" needs a "service", not the catalog`);
  if (catalog[0] === 'nodes' && cached?.[0] === 'true') {
    throw invalidUrl(url, 'no agent caches the nodes; leave "cached" out, or write "consistency=stale" for any server');
  }
  return { catalog, ...(filter && { filter }) };
}
