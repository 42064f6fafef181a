import type { Breaks } from './tree.js';

/** Items that are sorted in one go: about 2 ms. */
const RUN = 4_096;

/** Merge sort in slices, between which the event loop turns. Sorting 500,000 changes in one go takes half a second. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  slices: Breaks,
): Promise<readonly T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += RUN) {
    runs.push(items.slice(at, at + RUN).sort(compare));
    if (slices.isOver) await slices.turn();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(await merge(runs[i] ?? [], runs[i + 1] ?? [], compare, slices));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(a: T[], b: T[], compare: (a: T, b: T) => number, slices: Breaks): Promise<T[]> {
  if (b.length === 0) return a;
  const merged: T[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const takeA = j >= b.length || (i < a.length && compare(a[i] as T, b[j] as T) <= 0);
    merged.push((takeA ? a[i++] : b[j++]) as T);
    if (slices.isOver) await slices.turn();
  }
  return merged;
}
