import type { ChaosTarget } from '../backend.js';
import type { Scope } from './history.js';

/** What is watched: prefixes that lie in one another and beside one another, literal prefixes, exact keys, everything. */
const PATHS: readonly { readonly path: string; readonly prefix?: string }[] = [
  { path: 'svc/a/' },
  { path: 'svc/ab/' },
  { path: 'svc/' },
  { path: 'cfg/' },
  { path: 'cfg/mode' },
  { path: '', prefix: 'svc/a' },
  { path: 'svc/b/deep/' },
  { path: 'svc/a/k0' },
  { path: '' },
  { path: 'nothing/' },
];

/** @param endpoints of the links to the members, `host:port` */
export function targetsOf(endpoints: readonly string[]): ChaosTarget[] {
  return PATHS.map(({ path, prefix }) => ({
    name: prefix === undefined ? `/${path}` : `/${prefix} (literal)`,
    url: `etcd://${endpoints.join(',')}/${path}`,
    ...(prefix === undefined ? {} : { prefix }),
  }));
}

/** The rule of the URLs: an empty path, or one that ends in a slash, is a prefix. */
export function scopeOf({ url, prefix }: ChaosTarget): Scope {
  if (prefix !== undefined) return { prefix, exact: false };
  const path = url.slice(url.indexOf('/', 'etcd://'.length) + 1);
  return { prefix: path, exact: path !== '' && !path.endsWith('/') };
}

/** The keys that are written. */
export const KEYS: readonly string[] = [
  ...many('svc/a/', 60),
  ...many('svc/ab/', 40),
  ...many('svc/b/', 50),
  ...many('svc/b/deep/', 30),
  ...many('cfg/', 20),
  ...many('other/', 30),
  // The key that equals a prefix, and some that need care in a URL or in bytes.
  'svc/a',
  'svc/a/',
  'cfg/mode',
  'svc/b/ä ö',
  'svc/b/%2F?#',
  'cfg/🦊',
];

function many(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}k${index}`);
}
