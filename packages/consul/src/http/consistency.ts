import type { IncomingHttpHeaders } from 'node:http';
import { invalidUrl } from '@rollcall/core/adapter';

/**
 * Where answers may come from (https://developer.hashicorp.com/consul/api-docs/features/consistency): `default`, the
 * leader; `consistent`, the leader once it has asked its peers; `stale`, any server; `cached`, the agent's own cache.
 */
export type Mode = 'default' | 'consistent' | 'stale' | 'cached';

export interface Consistency {
  readonly mode: Mode;
  /** How old an answer of the modes `stale` and `cached` may be. */
  readonly maxStaleMs: number;
}

/** Far above the heartbeats between servers, below what an election takes that goes wrong. */
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

/** As a part of a URL's query, the same for all that mean the same; empty for the default. */
export function formatConsistency({ mode, maxStaleMs }: Consistency): string[] {
  if (mode === 'default') return [];
  const bound = isLenient(mode) && maxStaleMs !== MAX_STALE_MS ? [`max-stale=${maxStaleMs}ms`] : [];
  return [mode === 'cached' ? 'cached=true' : `consistency=${mode}`, ...bound];
}

/** Whether answers may be old. */
export function isLenient(mode: Mode): boolean {
  return mode === 'stale' || mode === 'cached';
}

/**
 * The mode of a read that begins a watch, stands alone, or settles what another answer left open. A leader that has just
 * started answers in the default mode before it has read its log again: as if most keys were gone.
 */
export const SETTLING: Mode = 'consistent';

/** Whether an answer comes from what the agent holds itself. Its index may be above that of the servers' answer. */
export function isAgentsOwn(headers: IncomingHttpHeaders, mode: Mode): boolean {
  return (mode === 'cached' && 'x-cache' in headers) || headers['x-consul-query-backend'] === 'streaming';
}

/**
 * What the headers of an answer say of its age. `proven`: as young as was asked for. `weak`: it may be older, so it is
 * not believed. `unproven`: no evidence; it comes from what the agent holds itself, its cache or its stream of events
 * (which says `X-Consul-Knownleader: false`, leader or not), and the agent goes on giving that when all servers are
 * gone. What such an answer has new is believed; that nothing is new is not.
 */
export type Standing = 'proven' | 'unproven' | 'weak';

export function standingOf(headers: IncomingHttpHeaders, { mode, maxStaleMs }: Consistency): Standing {
  if (ageMs(headers) > maxStaleMs) return 'weak';
  if (isAgentsOwn(headers, mode)) return mode === 'consistent' ? 'weak' : 'unproven';
  // A proxy's cache, which gives what Consul said before.
  if ('age' in headers || /hit/i.test(String(headers['x-cache'] ?? ''))) return 'unproven';
  const leader = headers['x-consul-knownleader'];
  // With discovery_max_stale an agent answers from any server, and says so.
  if (mode === 'stale' || mode === 'cached' || headers['x-consul-effective-consistency'] === 'stale') {
    return leader === 'true' && lastContactMs(headers) <= maxStaleMs ? 'proven' : 'weak';
  }
  return leader === 'false' || lastContactMs(headers) > maxStaleMs ? 'weak' : 'proven';
}

/**
 * How far an answer may lie behind the moment when it was given, ms, as it says itself: the time that it lay in caches,
 * and the time since the server heard of its leader.
 */
export function behindMs(headers: IncomingHttpHeaders): number {
  return ageMs(headers) + Math.max(0, lastContactMs(headers) || 0);
}

/** How long an answer lay in caches, ms. */
function ageMs(headers: IncomingHttpHeaders): number {
  // In seconds; Consul gives it for what was in the agent's cache, and so does any cache between.
  const seconds = Number(headers.age ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : Number.POSITIVE_INFINITY;
}

/** When the server that answers last heard of its leader, ms ago; NaN where it does not say. */
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
