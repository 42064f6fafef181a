import { describe, expect, test } from 'vitest';
import { Lanes } from '../../src/watch/lanes.js';

const { signal } = new AbortController();

describe('lanes', () => {
  test('as many run as there are lanes; an abort ends the wait for one', async () => {
    const lanes = new Lanes(1, () => {});
    const leave = await lanes.enter(signal);
    const abort = new AbortController();
    const waiting = lanes.enter(abort.signal);
    const next = lanes.enter(signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrowError('enough');
    leave();
    leave();
    (await next)();
  });

  test('with more watches than lanes they block for a short time, and it is told once', () => {
    let told = 0;
    const lanes = new Lanes(2, () => told++);
    const join = (): AbortController => {
      const watch = new AbortController();
      lanes.join(watch.signal);
      return watch;
    };
    join();
    join();
    expect([told, lanes.waitMs(55_000)]).toEqual([0, 55_000]);
    const third = join();
    expect([told, lanes.waitMs(55_000), lanes.waitMs(100)]).toEqual([1, 2_000, 100]);
    expect(lanes.cycleMs(55_000)).toBe(2 * (2_000 * (17 / 16) + 50));
    third.abort();
    expect(lanes.waitMs(55_000)).toBe(55_000);
    join();
    expect(told).toBe(1);
  });

  test('the wait follows from the queue: 8 watches on one lane have their turns within the wait that was meant', () => {
    const lanes = new Lanes(1, () => {});
    for (let i = 0; i < 8; i++) lanes.join(new AbortController().signal);
    expect(lanes.waitMs(3_000)).toBe(187.5);
    expect(lanes.cycleMs(3_000)).toBeLessThan(3_000);
    // With a hundred it cannot be: so the bound grows.
    for (let i = 0; i < 92; i++) lanes.join(new AbortController().signal);
    expect(lanes.waitMs(3_000)).toBe(100);
    expect(lanes.cycleMs(3_000)).toBeGreaterThan(15_000);
  });
});
