import { expect, test } from 'vitest';
import { Random } from './random.js';
import { type FaultKind, type Round, Schedule } from './schedule.js';

const KINDS: readonly FaultKind[] = [
  { name: 'kill', lane: 'servers', lastsMs: [100, 4_000] },
  { name: 'stop', lane: 'servers', lastsMs: [100, 20_000] },
  { name: 'reset', lane: 'links', lastsMs: [0, 0] },
  { name: 'restore', lane: 'alone', lastsMs: [200, 3_000] },
  { name: 'compact', lane: 'alone', lastsMs: [200, 3_000] },
];

/** Rounds until every kind had its turn. */
function rounds(seed: number): Round[] {
  const schedule = new Schedule(KINDS, new Random(seed));
  const planned: Round[] = [];
  while (!schedule.complete) planned.push(schedule.next());
  return planned;
}

test('the same seed makes the same faults', () => {
  expect(rounds(7)).toEqual(rounds(7));
  expect(rounds(7)).not.toEqual(rounds(8));
});

test('every kind of fault has its turn before one has it twice, within its bounds', () => {
  for (let seed = 0; seed < 50; seed++) {
    const all = rounds(seed).flatMap(({ servers, links, alone }) => [...servers, ...links, ...alone]);
    expect(rounds(seed).length).toBeLessThanOrEqual(2);
    for (const { name, forMs } of all) {
      const [least, most] = KINDS.find((kind) => kind.name === name)?.lastsMs ?? [];
      expect(forMs).toBeGreaterThanOrEqual(least ?? 0);
      expect(forMs).toBeLessThanOrEqual(most ?? 0);
    }
  }
});
