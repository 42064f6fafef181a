import { type Entry, keyFromBytes, keyToBytes } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { isEscapedKey } from '@rollcall/core/internal';

/** The key relative to the target; undefined when the target does not cover it. */
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

/** The entries the target covers, by relative key. */
export function select(entries: ReadonlyMap<string, Entry>, target: Target): [string, Entry][] {
  const selected: [string, Entry][] = [];
  for (const [whole, entry] of entries) {
    const key = relativeKey(target, whole);
    if (key !== undefined) selected.push([key, entry]);
  }
  return selected;
}
