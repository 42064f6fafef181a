import type { Row } from './row.js';
import type { Sizes } from './sizes.js';

/** Something to measure, by its name for `--only`. */
export interface Work {
  readonly name: string;
  /** @param progress says what is being done. */
  run(sizes: Sizes, progress: (what: string) => void): Promise<Row[]>;
}

/** Measures two sides in turn, so that what else the machine does meets both. */
export async function inTurn<T extends string>(
  sides: readonly T[],
  rounds: number,
  measure: (side: T, round: number) => Promise<Readonly<Record<string, number>>>,
): Promise<(side: T, metric: string) => number[]> {
  const all = new Map<T, Readonly<Record<string, number>>[]>(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) all.get(side)?.push(await measure(side, round));
  }
  return (side, metric) =>
    (all.get(side) ?? []).map((measured) => {
      const value = measured[metric];
      if (value === undefined || !Number.isFinite(value)) throw new Error(`${side} measured no ${metric}`);
      return value;
    });
}
