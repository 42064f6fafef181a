import type { Consumed } from '../../support/consumers/process.js';
import type { Stored } from './truth.js';

/**
 * What is wrong with what a consumer was given of a topic, in the order in which it came. A message again is right, and
 * so is going back; one before an earlier one of its partition is not, nor one that never came.
 * @param stored in the order of each partition
 */
export function wrongIn(consumed: readonly Consumed[], stored: readonly Stored[]): string[] {
  const partitions = new Set(stored.map(({ partition }) => partition));
  return [...partitions].flatMap((partition) => {
    const due = stored.filter((each) => each.partition === partition);
    const wrong: string[] = [];
    let next = 0;
    for (const { offset, value } of consumed.filter((each) => each.partition === partition)) {
      const expected = due[next];
      if (expected === undefined || offset < expected.offset) continue;
      const { producer, sender, number } = expected;
      if (offset > expected.offset || value !== JSON.stringify({ producer, sender, number })) {
        wrong.push(`partition ${partition} gave ${value} at ${offset} when ${expected.offset} was due`);
      }
      while ((due[next]?.offset ?? Number.POSITIVE_INFINITY) <= offset) next++;
    }
    const missing = due[next];
    return missing === undefined ? wrong : [...wrong, `partition ${partition} gave nothing from ${missing.offset} on`];
  });
}

/** By partition, the offset after the last. */
export function endsOf(stored: readonly Stored[]): number[] {
  const ends: number[] = [];
  for (const { partition, offset } of stored) ends[partition] = Math.max(ends[partition] ?? 0, offset + 1);
  return ends;
}
