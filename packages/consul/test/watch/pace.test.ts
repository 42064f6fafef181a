import type { Timing } from '@rollcall/core';
import { describe, expect, test } from 'vitest';
import { Pace } from '../../src/watch/pace.js';
import { JumpingTiming } from '../fakeTiming.js';

const { signal } = new AbortController();

const LONGEST_MS = 27_500;

const paceOf = (timing: Timing, longestMs = LONGEST_MS): Pace => new Pace(timing, longestMs);

/** When each turn came. @param costMs what reading costs after it. */
async function times(pace: Pace, timing: JumpingTiming, count: number, costMs = 0): Promise<number[]> {
  const began = timing.now();
  const turns: number[] = [];
  while (turns.length < count) {
    await pace.turn(signal);
    turns.push(Math.round(timing.now() - began));
    timing.pass(costMs);
    pace.spent(costMs);
  }
  return turns;
}

test('S63 five at once, then ten a second', async () => {
  const timing = new JumpingTiming();
  expect(await times(paceOf(timing), timing, 8)).toEqual([0, 0, 0, 0, 0, 100, 200, 300]);
});

test('S63 after each answer up to 20 ms more, by chance, and never more than ten a second', async () => {
  const timing = new JumpingTiming(0.5);
  expect(await times(paceOf(timing), timing, 8)).toEqual([0, 10, 20, 30, 40, 110, 210, 310]);
});

test('a turn says how long it took', async () => {
  const timing = new JumpingTiming(0.5);
  const pace = paceOf(timing);
  const pauses: number[] = [];
  for (let i = 0; i < 7; i++) pauses.push(await pace.turn(signal));
  expect(pauses).toEqual([0, 10, 10, 10, 10, 70, 100]);
});

describe('S63 when reading costs more than a tenth of the time', () => {
  test('requests come to be ten times its cost apart', async () => {
    const timing = new JumpingTiming();
    const turns = await times(paceOf(timing), timing, 40, 50);
    expect((turns[39] ?? 0) - (turns[38] ?? 0)).toBe(500);
    // Nearly so from the start.
    expect((40 * 50) / (turns[39] ?? 0)).toBeLessThan(0.12);
  });

  test('a quiet time gives one turn back, not five', async () => {
    const timing = new JumpingTiming();
    const pace = paceOf(timing);
    await times(pace, timing, 40, 50);
    timing.pass(60_000);
    expect(await times(pace, timing, 3, 50)).toEqual([0, 500, 1000]);
  });

  test('one answer that cost much counts in part, and not for long', async () => {
    const timing = new JumpingTiming();
    const pace = paceOf(timing);
    await times(pace, timing, 10, 1);
    pace.spent(100);
    const turns = await times(pace, timing, 12, 1);
    const gaps = turns.map((at, i) => at - (turns[i - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(350);
    expect(gaps.at(-1)).toBe(100);
  });

  test('they are never further apart than was set, and never closer than a tenth of a second', async () => {
    for (const [longestMs, gapMs] of [
      [2_000, 2_000],
      [1, 100],
    ] as const) {
      const timing = new JumpingTiming();
      const pace = paceOf(timing, longestMs);
      const pauses: number[] = [];
      for (let i = 0; i < 10; i++) {
        pauses.push(await pace.turn(signal));
        pace.spent(10_000);
      }
      expect(pauses.at(-1)).toBe(gapMs);
    }
  });

  test('what goes through the entries of an answer counts, until it gives way', async () => {
    const pauses = async (cost: (pace: Pace, timing: JumpingTiming) => void): Promise<number[]> => {
      const timing = new JumpingTiming();
      const pace = paceOf(timing);
      await pace.turn(signal);
      cost(pace, timing);
      await Promise.resolve();
      return [await pace.turn(signal), await pace.turn(signal)];
    };
    const charged = await pauses((pace, timing) => {
      for (const _ of pace.charging(['a', 'b', 'c'])) timing.pass(20);
      timing.pass(40);
    });
    const spent = await pauses((pace, timing) => {
      timing.pass(100);
      pace.spent(100);
    });
    expect(charged).toEqual(spent);
    expect(charged).not.toEqual(await pauses((_, timing) => timing.pass(100)));
  });
});

test('a quiet time gives the burst back, and no more', async () => {
  const timing = new JumpingTiming();
  const pace = paceOf(timing);
  await times(pace, timing, 10);
  timing.pass(60_000);
  expect(await times(pace, timing, 7)).toEqual([0, 0, 0, 0, 0, 100, 200]);
  timing.pass(200);
  expect(await times(pace, timing, 4)).toEqual([0, 0, 100, 200]);
});

test('an abort ends the wait', async () => {
  const never = new JumpingTiming();
  const pace = paceOf({ ...never, now: never.now, schedule: () => () => {} });
  for (let i = 0; i < 5; i++) await pace.turn(signal);
  const abort = new AbortController();
  const waiting = pace.turn(abort.signal);
  abort.abort();
  await waiting;
});
