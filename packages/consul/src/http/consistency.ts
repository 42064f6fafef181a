import type { IncomingHttpHeaders } from 'node:http';
import { invalidUrl } from '@rollcall/core/adapter';

/**
 * Where answers may come from (https://developer.hashicorp.com/consul/api-docs/features/consistency): `default`, the
 * leader; `consistent`, the leader once it has asked its peers; `stale`, any server; `cached`, the agent's own cache.
 */
export type Mode = 'default' | 'consistent' | 'stale' | 'cached';

export interface Consistency {
  readonly mode: Mode;
  /** How old an answer in the modes `stale` and `cached` may be, ms. */
  readonly maxStaleMs: number;
}

/** The default of `max-stale`, ms: far above the servers' heartbeats, and below the time of a failed election. */
const MAX_STALE_MS = 5_000;

export const CONSISTENCY_NAMES = ['consistency', 'max-stale', 'cached'] as const;

const CONSISTENCIES: readonly string[] = ['default', 'consistent', 'stale'] satisfies readonly Mode[];
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

type UrlQuery = Readonly<Record<string, readonly string[]>>;

/**
 * The consistency that a URL asks for.
 * @throws WatchError INVALID_URL for a value that cannot be used, and for names that do not go together.
 */
export function consistencyOfUrl(url: string, query: UrlQuery): Consistency {
  const [consistency = 'default'] = query.consistency ?? [];
  const [cached = 'false'] = query.cached ?? [];
  if (!CONSISTENCIES.includes(consistency)) {
    throw invalidUrl(url, `"consistency" must be ${CONSISTENCIES.slice(0, -1).join(', ')} or ${CONSISTENCIES.at(-1)}`);
  }
  if (cached !== 'true' && cached !== 'false') throw invalidUrl(url, '"cached" must be true or false');
  if (cached === 'true' && consistency !== 'default') {
    throw invalidUrl(url, `"cached" and "consistency=${consistency}" do not go together; leave one of them out`);
  }
  const mode = cached === 'true' ? 'cached' : (consistency as Mode);
  const maxStale = query['max-stale']?.[0];
  if (maxStale !== undefined && !isLenient(mode)) {
    throw invalidUrl(url, '"max-stale" needs "consistency=stale" or "cached=true" beside it');
  }
  return { mode, maxStaleMs: maxStale === undefined ? MAX_STALE_MS : durationMs(url, maxStale) };
}

/** As a part of a URL's query, in one normal form; empty for the default. */
export function formatConsistency({ mode, maxStaleMs }: Consistency): string[] {
  if (mode === 'default') return [];
  const bound = isLenient(mode) && maxStaleMs !== MAX_STALE_MS ? [`max-stale=${maxStaleMs}ms`] : [];
  return [mode === 'cached' ? 'cached=true' : `consistency=${mode}`, ...bound];
}

/** Whether the mode allows old answers. */
export function isLenient(mode: Mode): boolean {
  return mode === 'stale' || mode === 'cached';
}

/**
 * The mode of plain reads, which begin a watch or confirm another answer. A leader that has just started answers in the
 * default mode before it has read its log: most keys seem to be gone.
 */
export const SETTLING: Mode = 'consistent';

/** Whether the agent answered from its own cache or stream. The index may be above that of the servers. */
export function isAgentsOwn(headers: IncomingHttpHeaders, mode: Mode): boolean {
  return (mode === 'cached' && 'x-cache' in headers) || headers['x-consul-query-backend'] === 'streaming';
}

/**
 * What the headers of an answer say about its age:
 * - `proven`: as young as the URL asks.
 * - `weak`: it may be older, so it is not believed.
 * - `unproven`: no evidence. The agent answered from its own cache or event stream (which sends `X-Consul-Knownleader:
 *   false`, whether or not there is a leader), and goes on doing so when all servers are gone. News in such an answer
 *   is believed; the absence of news is not.
 */
export type Standing = 'proven' | 'unproven' | 'weak';

export function standingOf(headers: IncomingHttpHeaders, { mode, maxStaleMs }: Consistency): Standing {
  if (ageMs(headers) > maxStaleMs) return 'weak';
  if (isAgentsOwn(headers, mode)) return mode === 'consistent' ? 'weak' : 'unproven';
  // A proxy's cache: an old answer of Consul's.
  if ('age' in headers || /hit/i.test(String(headers['x-cache'] ?? ''))) return 'unproven';
  const leader = headers['x-consul-knownleader'];
  // With discovery_max_stale an agent asks any server, and sends this header.
  if (mode === 'stale' || mode === 'cached' || headers['x-consul-effective-consistency'] === 'stale') {
    return leader === 'true' && lastContactMs(headers) <= maxStaleMs ? 'proven' : 'weak';
  }
  return leader === 'false' || lastContactMs(headers) > maxStaleMs ? 'weak' : 'proven';
}

/**
 * How old an answer may be by its own headers, ms: its time in caches, and the time since the server heard of its
 * leader.
 */
export function behindMs(headers: IncomingHttpHeaders): number {
  return ageMs(headers) + Math.max(0, lastContactMs(headers) || 0);
}

/** The time that an answer lay in caches, ms. */
function ageMs(headers: IncomingHttpHeaders): number {
  // Age is in seconds. Consul sends it for answers of the agent's cache, and any cache in between does.
  const seconds = Number(headers.age ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : Number.POSITIVE_INFINITY;
}

/** How long ago the answering server heard of its leader, ms; NaN if it does not say. */
function lastContactMs(headers: IncomingHttpHeaders): number {
  return Number(headers['x-consul-lastcontact']);
}

/** @throws WatchError INVALID_URL. */
function durationMs(url: string, text: string): number {
  const [, number, unit = ''] = /^(\d{1,9})(ms|s|m)$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (!(ms > 0)) throw invalidUrl(url, '"max-stale" must be a time above 0, such as 500ms, 5s or 1m');
  return ms;
}
