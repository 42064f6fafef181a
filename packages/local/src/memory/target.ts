import type { Entry } from '@rollcall/core';
import { relativeKey, type Target } from '@rollcall/core/adapter';

/** The entries the target covers, by relative key. */
export function select(entries: ReadonlyMap<string, Entry>, target: Target): [string, Entry][] {
  const selected: [string, Entry][] = [];
  for (const [whole, entry] of entries) {
    const key = relativeKey(target, whole);
    if (key !== undefined) selected.push([key, entry]);
  }
  return selected;
}
