import { isEscapedKey, keyFromBytes, keyToBytes } from '../model/keys.js';
import type { Target } from './source.js';

/** The key without the target's prefix, "" for an exact key; undefined when the target does not cover the key. */
export function relativeKey({ prefix, exact }: Target, key: string): string | undefined {
  if (exact) return key === prefix ? '' : undefined;
  if (!isEscapedKey(prefix)) return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
  // The prefix may end inside a character of the key, so only bytes can tell.
  const start = keyToBytes(prefix);
  const bytes = keyToBytes(key);
  return Buffer.compare(start, bytes.subarray(0, start.length)) === 0
    ? keyFromBytes(bytes.subarray(start.length))
    : undefined;
}
