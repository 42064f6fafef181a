import { WatchError } from '../model/errors.js';
import type { PutOptions } from './source.js';

/**
 * Throws on options that need leases, for a backend without them.
 * @param backend the beginning of the message.
 * @throws WatchError UNSUPPORTED that names each such option.
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
