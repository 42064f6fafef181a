import { invalidUrl } from '@rollcall/core/adapter';
import { type Consistency, consistencyOfUrl, formatConsistency } from './consistency.js';

/** Which part of a Consul installation requests are for. Where one is missing, the agent's or the token's own counts. */
export interface Scope {
  readonly dc?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

type Query = Readonly<Record<string, readonly string[]>>;

/** These and the consistency belong to the cluster, not to the target: writes go there too, and `--prefix` keeps them. */
export const SCOPE_NAMES = ['dc', 'namespace', 'partition'] as const;

/**
 * The key by which sources are shared, as `consul://a:8500,b:8500?dc=x&consistency=stale`: endpoints sorted, each once.
 * @throws WatchError INVALID_URL for an empty name, and for a consistency that cannot be.
 */
export function clusterOf(
  url: string,
  parts: { readonly scheme: string; readonly endpoints: readonly string[]; readonly query: Query },
): string {
  const scope = SCOPE_NAMES.flatMap((name) => {
    const value = parts.query[name]?.[0];
    if (value === '') throw invalidUrl(url, `"${name}" has no value; leave it out for the agent's own`);
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  const query = [...scope, ...formatConsistency(consistencyOfUrl(url, parts.query))].join('&');
  const hosts = [...new Set(parts.endpoints)].sort().join(',');
  return `${parts.scheme}://${hosts}${query === '' ? '' : `?${query}`}`;
}

/** The inverse of `clusterOf`. */
export function scopeOf(cluster: string): {
  readonly scheme: string;
  readonly endpoints: readonly string[];
  readonly scope: Scope;
  readonly consistency: Consistency;
} {
  const [beforeQuery = '', query = ''] = cluster.split('?');
  const [scheme = '', endpoints = ''] = beforeQuery.split('://');
  const names = Object.fromEntries(new URLSearchParams(query));
  const lists = Object.fromEntries(Object.entries(names).map(([name, value]) => [name, [value]]));
  const consistency = consistencyOfUrl(cluster, lists);
  const { dc, namespace, partition } = names;
  const scope = { ...(dc && { dc }), ...(namespace && { namespace }), ...(partition && { partition }) };
  return { scheme, endpoints: endpoints.split(','), scope, consistency };
}
