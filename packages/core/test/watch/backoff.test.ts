import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemTiming } from '../../src/index.js';
import { backoffMs } from '../../src/watch/backoff.js';

describe('backoffMs', () => {
  it.each([
    [1, 250],
    [2, 500],
    [3, 1000],
    [7, 16_000],
    [8, 30_000],
    [9, 30_000],
    [5000, 30_000],
    [Number.POSITIVE_INFINITY, 30_000],
  ])('after %d failures spreads over 0 to %d ms', (failures, ceiling) => {
    expect(backoffMs(failures, () => 0)).toBe(0);
    expect(backoffMs(failures, () => 0.5)).toBe(ceiling / 2);
    expect(backoffMs(failures, () => 0.999)).toBeCloseTo(ceiling * 0.999);
  });

  it('S27 waits at least as long as the server asked, and still spreads', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(60_000),
        (more, random, asked) => {
          const wait = backoffMs(more + 1, () => random, asked);
          expect(wait).toBeGreaterThanOrEqual(asked);
          expect(wait - asked).toBeCloseTo(
            backoffMs(more + 1, () => random),
            6,
          );
        },
      ),
      { seed: 20_260_101 },
    );
  });

  it('believes a Retry-After of up to an hour', () => {
    expect(backoffMs(1, () => 0, 3_600_000_000)).toBe(3_600_000);
  });
});

describe('the system timing', () => {
  it("does not take a wait that is longer than Node's longest timer for none", async () => {
    let ran = false;
    const cancel = systemTiming.schedule(2 ** 31, () => {
      ran = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancel();
    expect(ran).toBe(false);
  });
});
