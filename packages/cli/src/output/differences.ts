import { compareKeys } from '@rollcall/core/internal';

/** One of the puts and deletes that make one place equal to another. A put without `previous` is a new key. */
export type Difference =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array; readonly previous?: Uint8Array }
  | { readonly type: 'delete'; readonly key: string; readonly previous: Uint8Array };

/**
 * The changes that make `there` equal to `wanted`, in key order. Values are compared and not revisions: those of two
 * stores are unrelated.
 */
export function differences(
  there: ReadonlyMap<string, Uint8Array>,
  wanted: Iterable<readonly [string, Uint8Array]>,
): Difference[] {
  const found: Difference[] = [];
  const present = new Set<string>();
  for (const [key, value] of wanted) {
    present.add(key);
    const previous = there.get(key);
    if (previous === undefined) found.push({ type: 'put', key, value });
    else if (Buffer.compare(previous, value) !== 0) found.push({ type: 'put', key, value, previous });
  }
  for (const [key, previous] of there) if (!present.has(key)) found.push({ type: 'delete', key, previous });
  return found.sort((a, b) => compareKeys(a.key, b.key));
}
