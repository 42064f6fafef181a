import { WatchError } from '@rollcall/core';

/**
 * Says why Consul cannot address a key or prefix; undefined if it can. Consul takes the key from the URL's path, which
 * it cleans first (`a//b` and `a/./b` become `a/b`), and returns keys as JSON text, in which each byte that is not
 * UTF-8 becomes U+FFFD. A request for such a key would silently be for another one.
 */
export function unaddressable(key: string): string | undefined {
  if (!key.isWellFormed()) return 'Consul gives keys as JSON text, so it cannot watch or write a key that is not UTF-8';
  // Cleaning keeps one leading slash, and a trailing one.
  if (key.startsWith('//') || /.\/\//.test(key)) return 'Consul folds two slashes in a key into one';
  if (/(^|\/)\.{1,2}(\/|$)/.test(key)) return 'Consul resolves "." and ".." in a key as in a file path';
  return undefined;
}

/** The key. @throws WatchError INVALID_OPTION if Consul cannot address it. */
export function addressable(key: string): string {
  const why = unaddressable(key);
  if (why === undefined) return key;
  throw new WatchError('INVALID_OPTION', `Cannot use the key or prefix ${JSON.stringify(key)}: ${why}.`);
}

/** The path of a key or prefix, below `/v1`. */
export function pathOfKey(key: string): string {
  // Slashes are escaped, too: Consul redirects a path that begins with two.
  return `/kv/${encodeURIComponent(key)}`;
}
