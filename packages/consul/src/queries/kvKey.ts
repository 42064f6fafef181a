import { WatchError } from '@rollcall/core';

/**
 * Why a key or prefix cannot be asked for, or undefined when it can. Consul takes keys from the URL's path, which it
 * cleans first (`a//b` and `a/./b` become `a/b`), and gives them as JSON text, where every byte that is not UTF-8
 * becomes U+FFFD. Asked for, such a key would silently be another one.
 */
export function unaddressable(key: string): string | undefined {
  if (!key.isWellFormed()) return 'Consul gives keys as JSON text, so it cannot watch or write a key that is not UTF-8';
  // One leading slash stays, and so does a trailing one.
  if (key.startsWith('//') || /.\/\//.test(key)) return 'Consul folds two slashes in a key into one';
  if (/(^|\/)\.{1,2}(\/|$)/.test(key)) return 'Consul resolves "." and ".." in a key as in a file path';
  return undefined;
}

/** The key, if Consul can address it. @throws WatchError INVALID_OPTION when not. */
export function addressable(key: string): string {
  const why = unaddressable(key);
  if (why === undefined) return key;
  throw new WatchError('INVALID_OPTION', `Cannot use the key or prefix ${JSON.stringify(key)}: ${why}.`);
}

/** Where a key or prefix is, below `/v1`. */
export function pathOfKey(key: string): string {
  // Slashes, too: Consul redirects a path that begins with two of them.
  return `/kv/${encodeURIComponent(key)}`;
}
