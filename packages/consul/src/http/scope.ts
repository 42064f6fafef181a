import { invalidUrl } from '@rollcall/core/adapter';
import { type Consistency, consistencyOfUrl, formatConsistency } from './consistency.js';

/** The part of a Consul installation that requests are for. A missing field means the agent's or the token's own. */
export interface Scope {
  readonly dc?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

type UrlQuery = Readonly<Record<string, readonly string[]>>;

/** Query names that belong to the cluster and not to the target: writes go there, too, and `--prefix` keeps them. */
export const SCOPE_NAMES = ['dc', 'namespace', 'partition'] as const;

/** What `open` needs of a URL. */
export interface ConsulUrl {
  readonly scheme: string;
  /** `host:port`, sorted, each once. */
  readonly endpoints: readonly string[];
  readonly scope: Scope;
  readonly consistency: Consistency;
}

/** @throws WatchError INVALID_URL for an empty name, and for a consistency that cannot be used. */
export function consulUrl(
  url: string,
  {
    scheme,
    endpoints,
    query,
  }: { readonly scheme: string; readonly endpoints: readonly string[]; readonly query: UrlQuery },
): ConsulUrl {
  const scope: Record<string, string> = {};
  for (const name of SCOPE_NAMES) {
    const value = query[name]?.[0];
    if (value === '') throw invalidUrl(url, `"${name}" has no value; leave it out for the agent's own`);
    if (value !== undefined) scope[name] = value;
  }
  return { scheme, endpoints: [...new Set(endpoints)].sort(), scope, consistency: consistencyOfUrl(url, query) };
}

/** The key by which sources are shared, as `consul://a:8500,b:8500?dc=x&consistency=stale`. */
export function clusterOf({ scheme, endpoints, scope, consistency }: ConsulUrl): string {
  const names = Object.entries(scope).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const query = [...names, ...formatConsistency(consistency)].join('&');
  return `${scheme}://${endpoints.join(',')}${query === '' ? '' : `?${query}`}`;
}
