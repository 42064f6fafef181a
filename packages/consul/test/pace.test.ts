import { expect, test } from 'vitest';
import { Pace } from '../src/pace.js';
import { JumpingTiming } from './fakeTiming.js';

const { signal } = new AbortController();

async function times(pace: Pace, timing: JumpingTiming, count: number): Promise<number[]> {
  const began = timing.now();
  const turns: number[] = [];
  while (turns.length < count) {
    await pace.turn(signal);
    turns.push(Math.round(timing.now() - began));
  }
  return turns;
}

test('S63 five at once, then ten a second', async () => {
  const timing = new JumpingTiming();
  expect(await times(new Pace(timing), timing, 8)).toEqual([0, 0, 0, 0, 0, 100, 200, 300]);
});

test('S63 each wait is up to 20 ms longer, by chance, and the rate is never above ten a second', async () => {
  const timing = new JumpingTiming(0.5);
  expect(await times(new Pace(timing), timing, 8)).toEqual([0, 0, 0, 0, 0, 110, 210, 310]);
});

test('a quiet time gives the burst back, and no more', async () => {
  const timing = new JumpingTiming();
  const pace = new Pace(timing);
  await times(pace, timing, 10);
  timing.pass(60_000);
  expect(await times(pace, timing, 7)).toEqual([0, 0, 0, 0, 0, 100, 200]);
  timing.pass(200);
  expect(await times(pace, timing, 4)).toEqual([0, 0, 100, 200]);
});

test('an abort ends the wait', async () => {
  const never = new JumpingTiming();
  const pace = new Pace({ ...never, now: never.now, schedule: () => () => {} });
  for (let i = 0; i < 5; i++) await pace.turn(signal);
  const abort = new AbortController();
  const waiting = pace.turn(abort.signal);
  abort.abort();
  await waiting;
});
