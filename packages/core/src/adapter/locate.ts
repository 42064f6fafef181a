import { WatchError } from '../model/errors.js';
import type { Adapter, Location } from './source.js';
import { redactUrl, schemeOf } from './url.js';

/**
 * Finds the adapter for a URL's scheme, and parses the URL with it.
 * @throws WatchError UNKNOWN_SCHEME; INVALID_URL, as the adapter says.
 */
export function locate(adapters: readonly Adapter[], url: string): { adapter: Adapter; location: Location } {
  const scheme = schemeOf(url);
  const adapter = adapters.find(({ schemes }) => scheme !== undefined && schemes.includes(scheme));
  if (adapter !== undefined) return { adapter, location: adapter.parse(url) };
  const known = adapters.flatMap(({ schemes }) => schemes).join(', ');
  throw new WatchError('UNKNOWN_SCHEME', `"${redactUrl(url)}" names no backend. Known schemes: ${known}.`);
}
