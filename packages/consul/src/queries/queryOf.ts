import type { Target } from '@rollcall/core/adapter';
import { catalogQuery } from './catalog.js';
import { instancesQuery } from './instances.js';
import { kvQuery } from './kv.js';
import type { Query } from './query.js';

/** @throws WatchError INVALID_OPTION for a key or prefix that Consul cannot address. */
export function queryOf(target: Target): Query {
  const { service, catalog } = target.query ?? {};
  if (service !== undefined) return instancesQuery(target);
  return catalog === undefined ? kvQuery(target) : catalogQuery(target);
}
