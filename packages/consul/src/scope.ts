import { invalidUrl } from '@rollcall/core';

/** Which part of a Consul installation requests are for. Where one is missing, the agent's or the token's own counts. */
export interface Scope {
  readonly dc?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

type Query = Readonly<Record<string, readonly string[]>>;

/** These belong to the cluster, not to the target: writes go there too, and `--prefix` keeps them. */
export const SCOPE_NAMES = ['dc', 'namespace', 'partition'] as const;

/**
 * The key by which sources are shared, as `consul://a:8500,b:8500?dc=x`: endpoints sorted, each once.
 * @throws WatchError INVALID_URL for an empty name.
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
  const hosts = [...new Set(parts.endpoints)].sort().join(',');
  return `${parts.scheme}://${hosts}${scope.length > 0 ? `?${scope.join('&')}` : ''}`;
}

/** The inverse of `clusterOf`. */
export function scopeOf(cluster: string): {
  readonly scheme: string;
  readonly endpoints: readonly string[];
  readonly scope: Scope;
} {
  const [beforeQuery = '', query = ''] = cluster.split('?');
  const [scheme = '', endpoints = ''] = beforeQuery.split('://');
  return { scheme, endpoints: endpoints.split(','), scope: Object.fromEntries(new URLSearchParams(query)) };
}
