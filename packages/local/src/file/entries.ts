import type { Entry, KeyMap } from '@rollcall/core';
import { relativeKey, type Target } from '@rollcall/core/adapter';

/** The target's entries by relative key. An entry that `held` has with equal bytes stays the same object. */
export function entriesOf(
  content: ReadonlyMap<string, Uint8Array>,
  target: Target,
  held?: Pick<KeyMap, 'get'>,
): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [whole, value] of content) {
    const key = relativeKey(target, whole);
    if (key === undefined) continue;
    const old = held?.get(key);
    entries.set(key, old !== undefined && Buffer.compare(old.value, value) === 0 ? old : { value });
  }
  return entries;
}

/** Whether two versions have the same entry objects, as `entriesOf` leaves them if nothing changed. */
export function sameEntries(a: ReadonlyMap<string, Entry>, b: ReadonlyMap<string, Entry>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, entry] of a) if (b.get(key) !== entry) return false;
  return true;
}
