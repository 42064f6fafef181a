import assert from 'node:assert/strict';
import { Endpoints, WatchError } from '@rollcall/core';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

let now = 0;
beforeEach(() => {
  now = 0;
});

/** In the order given: a random number just below 1 swaps each with itself. */
const inOrder = (...addresses: string[]): Endpoints =>
  new Endpoints(addresses, { now: () => now, random: () => 0.999 });
const refused = (address: string): WatchError => new WatchError('UNREACHABLE', `${address} refused.`);

function fail(endpoints: Endpoints, address: string, times = 1): WatchError {
  let thrown = refused(address);
  for (let i = 0; i < times; i++) thrown = endpoints.failed(address, refused(address));
  return thrown;
}

describe('Endpoints', () => {
  it('stays with the one that works', () => {
    const endpoints = inOrder('a', 'b', 'c');
    expect(endpoints.pick()).toBe('a');
    endpoints.succeeded('b');
    expect([endpoints.pick(), endpoints.pick()]).toEqual(['b', 'b']);
  });

  it('S25 moves on from the one that fails, round and round', () => {
    const endpoints = inOrder('a', 'b', 'c');
    const picked = [1, 2, 3, 4].map(() => {
      const address = endpoints.pick();
      fail(endpoints, address);
      return address;
    });
    expect(picked).toEqual(['a', 'b', 'c', 'a']);
  });

  it('does not move on for an old failure of another', () => {
    const endpoints = inOrder('a', 'b', 'c');
    endpoints.succeeded('b');
    fail(endpoints, 'a');
    expect(endpoints.pick()).toBe('b');
  });

  it("S53 one member's refused certificate is fatal only when no member's is accepted", () => {
    const endpoints = inOrder('a', 'b');
    const wrongAuthority = new WatchError('TLS', 'wrong authority');
    expect(endpoints.failed('a', wrongAuthority)).toMatchObject({ code: 'UNREACHABLE', cause: wrongAuthority });
    // Another watch on the same connection is told the same.
    expect(endpoints.verdict(wrongAuthority)).toMatchObject({ code: 'UNREACHABLE', cause: wrongAuthority });
    expect(fail(endpoints, 'b').code).toBe('NO_HEALTHY_ENDPOINT');
    expect(endpoints.failed('b', wrongAuthority)).toBe(wrongAuthority);
    endpoints.succeeded('a');
    expect(endpoints.failed('b', wrongAuthority).code).toBe('UNREACHABLE');
    expect(new Endpoints(['a'], { now: () => now, random: () => 0 }).failed('a', wrongAuthority)).toBe(wrongAuthority);
  });

  it('does not call all of them down for failures from before one of them worked', () => {
    const endpoints = inOrder('a', 'b', 'c');
    fail(endpoints, 'a');
    fail(endpoints, 'b');
    endpoints.succeeded('c');
    expect(fail(endpoints, 'c').code).toBe('UNREACHABLE');
    expect(fail(endpoints, 'a').code).toBe('UNREACHABLE');
    expect(fail(endpoints, 'b').code).toBe('NO_HEALTHY_ENDPOINT');
  });

  it('lets one rest for 10 s after 3 failures while another is available', () => {
    const endpoints = inOrder('a', 'b');
    fail(endpoints, 'a', 2);
    fail(endpoints, 'b');
    expect(endpoints.pick()).toBe('a');
    fail(endpoints, 'a');
    fail(endpoints, 'b');
    expect(endpoints.pick()).toBe('b');
    now = 9_999;
    expect(endpoints.pick()).toBe('b');
    now = 10_000;
    fail(endpoints, 'b');
    expect(endpoints.pick()).toBe('a');
  });

  it('forgets failures after a success', () => {
    const endpoints = inOrder('a', 'b');
    fail(endpoints, 'a', 3);
    endpoints.succeeded('a');
    fail(endpoints, 'a', 2);
    fail(endpoints, 'b');
    expect(endpoints.pick()).toBe('a');
  });

  it('with all at rest picks the one whose rest ends first', () => {
    const endpoints = inOrder('a', 'b');
    fail(endpoints, 'b', 3);
    now = 5;
    fail(endpoints, 'a', 3);
    expect(endpoints.pick()).toBe('b');
  });

  it('throws the error itself while another may work, and when there is only one', () => {
    expect(fail(inOrder('a', 'b'), 'a')).toMatchObject({ code: 'UNREACHABLE', message: 'a refused.' });
    expect(fail(inOrder('a'), 'a', 5)).toMatchObject({ code: 'UNREACHABLE' });
  });

  it('says NO_HEALTHY_ENDPOINT with the last error of each when none of several works', () => {
    const endpoints = inOrder('a', 'b');
    fail(endpoints, 'a');
    const asked = new WatchError('RATE_LIMITED', 'b is busy.', { retryAfterMs: 7 });
    expect(endpoints.failed('b', asked)).toMatchObject({
      code: 'NO_HEALTHY_ENDPOINT',
      message: 'No endpoint works (a refused; b is busy).',
      retryable: true,
      retryAfterMs: 7,
      cause: asked,
    });
  });

  it('takes the same address twice for one', () => {
    expect(fail(inOrder('a', 'a'), 'a')).toMatchObject({ code: 'UNREACHABLE' });
  });

  it('S26 begins anywhere, so that many processes spread over a cluster', () => {
    const firsts = new Map<string, number>();
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (let i = 0; i < 3000; i++) {
      const first = new Endpoints(['a', 'b', 'c'], { now: () => 0, random }).pick();
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    for (const address of ['a', 'b', 'c']) expect(firsts.get(address)).toBeGreaterThan(900);
  });

  it('whatever happens, never picks one at rest while another is not, and finds the one that works', () => {
    const step = fc.record({ address: fc.constantFrom('a', 'b', 'c'), ok: fc.boolean(), wait: fc.nat(6000) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        now = 0;
        const endpoints = inOrder('a', 'b', 'c');
        const failures = new Map([...'abc'].map((address) => [address, { count: 0, at: 0 }]));
        for (const { address, ok, wait } of steps) {
          now += wait;
          const before = failures.get(address) ?? { count: 0, at: 0 };
          if (ok) endpoints.succeeded(address);
          else fail(endpoints, address);
          failures.set(address, ok ? { count: 0, at: 0 } : { count: before.count + 1, at: now });
          const rests = (each: string): boolean => {
            const { count, at } = failures.get(each) ?? { count: 0, at: 0 };
            return count >= 3 && now < at + 10_000;
          };
          const picked = endpoints.pick();
          if (rests(picked)) assert.ok([...'abc'].every(rests));
          if (ok) assert.equal(picked, address);
        }
        // Only c works from here on.
        let tries = 0;
        for (let picked = endpoints.pick(); picked !== 'c'; picked = endpoints.pick()) {
          fail(endpoints, picked);
          assert.ok(++tries < 10);
          now += 10_000;
        }
      }),
      { seed: 20_260_101, numRuns: 500 },
    );
  });
});
