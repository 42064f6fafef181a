import { WatchError } from '../model/errors.js';
import type { PutOptions } from './source.js';

/**
 * For backends that keep a key until it is deleted.
 * @param backend begins the message.
 * @throws WatchError UNSUPPORTED, naming each option that needs a lease.
 */
export function refuseLeases(backend: string, { ttlMs, lease, ignoreValue }: PutOptions = {}): void {
  const given = [
    ...(ttlMs === undefined ? [] : ['ttlMs']),
    ...(lease === undefined ? [] : ['lease']),
    ...(ignoreValue ? ['ignoreValue'] : []),
  ];
  if (given.length === 0) return;
  const why = `${backend} has no leases, so a key stays until it is deleted`;
  throw new WatchError('UNSUPPORTED', `${why}; leave out ${given.join(' and ')}.`);
}
