import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BalancedNode, Balancer, BalancerError, type BalancerOptions } from '../src/index.js';

const POLICIES = ['roundRobin', 'consistentHash', 'leastConnections'] as const;

const named = (weights: Record<string, number>): BalancedNode[] =>
  Object.entries(weights).map(([host, weight]) => ({ host, port: 80, weight }));
const equal = (count: number): BalancedNode[] =>
  Array.from({ length: count }, (_, i) => ({ host: `10.0.${i >> 8}.${i & 255}`, port: 80 }));

/** A balancer whose clock stands still until the test moves it. */
function setUp(nodes: BalancedNode[], options: Partial<BalancerOptions> = {}) {
  const clock = { ms: 0 };
  const balancer = new Balancer(nodes, { now: () => clock.ms, ...options });
  /** One request that ends well at once. */
  const ask = (key?: string): string => {
    const attempt = balancer.request(key === undefined ? {} : { key }).next();
    attempt.succeeded();
    return attempt.node.host;
  };
  /** One request whose first attempt fails. */
  const fail = (key?: string): string => {
    const attempt = balancer.request(key === undefined ? {} : { key }).next();
    attempt.failed();
    return attempt.node.host;
  };
  const asks = (times: number): string[] => Array.from({ length: times }, () => ask());
  return { balancer, clock, ask, fail, asks };
}

const counted = (hosts: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const host of hosts) counts[host] = (counts[host] ?? 0) + 1;
  return counts;
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof BalancerError) return error.code;
  }
  return 'nothing was thrown';
};

const weights = (most: number) =>
  fc
    .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: most })
    .filter((all) => all.some((weight) => weight > 0));

describe('round robin', () => {
  test('is smooth: the order of nginx', () => {
    expect(
      setUp(named({ a: 5, b: 1, c: 1 }))
        .asks(14)
        .join(''),
    ).toBe('aabacaa'.repeat(2));
  });

  test('gives each node exactly its weight in each cycle, and a node of weight 0 nothing', () => {
    fc.assert(
      fc.property(weights(12), (all) => {
        const shares = Object.fromEntries(all.map((weight, i) => [`n${i}`, weight]));
        const cycle = all.reduce((sum, weight) => sum + weight, 0);
        const { asks } = setUp(named(shares));
        const expected = Object.fromEntries(Object.entries(shares).filter(([, weight]) => weight > 0));
        expect(counted(asks(cycle))).toEqual(expected);
        expect(counted(asks(cycle))).toEqual(expected);
      }),
    );
  });

  test('of more than a thousand nodes each stays within two of its share', () => {
    const nodes = equal(1_200).map((node, i) => ({ ...node, weight: 1 + (i % 3) }));
    const { asks } = setUp(nodes);
    const counts = counted(asks(2_400 * 5));
    for (const { host, weight } of nodes) expect(Math.abs((counts[host] ?? 0) - 5 * weight)).toBeLessThanOrEqual(2);
  });

  test.each([1_000, 1_001])('turns go on when %i nodes are replaced by the same ones', (count) => {
    const nodes = equal(count);
    const { balancer, asks } = setUp(nodes);
    const hosts: string[] = [];
    for (let round = 0; round < count / 10; round++) {
      hosts.push(...asks(100));
      balancer.update(nodes);
    }
    const counts = Object.values(counted(hosts));
    expect([counts.length, Math.min(...counts) >= 8, Math.max(...counts) <= 12]).toEqual([count, true, true]);
  });

  test('smaller weights do not leave a node what it was owed of larger ones', () => {
    const { balancer, asks } = setUp(named({ a: 1_000, b: 1_000 }));
    asks(1);
    balancer.update(named({ a: 1, b: 1 }));
    asks(4);
    expect(counted(asks(10))).toEqual({ a: 5, b: 5 });
  });

  test('a node that was away gets no more than its share when it is back', () => {
    for (const count of [3, 1_200]) {
      const { ask, fail, clock, asks } = setUp(equal(count), { maxFails: 1 });
      const down = fail();
      asks(count * 10);
      clock.ms = 10_001;
      while (ask() !== down);
      expect(counted(asks(count * 4))[down]).toBeLessThanOrEqual(5);
    }
  });
});

describe('consistent hash', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

  test('a key keeps its node, whatever the order of the nodes', () => {
    const nodes = equal(20);
    const one = setUp(nodes, { policy: 'consistentHash' });
    const other = setUp([...nodes].reverse(), { policy: 'consistentHash' });
    for (const key of keys.slice(0, 1_000)) expect(one.ask(key)).toBe(other.ask(key));
  });

  test('when a node leaves only its keys move, and to all the others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), fc.boolean(), (count, pick, isWeighted) => {
        // The heaviest stay: see `ConsistentHash`.
        const nodes = equal(count).map((node, i) => ({ ...node, weight: isWeighted ? 1 + ((i * 7) % 5) : 3 }));
        const leaving = nodes[pick % count] as (typeof nodes)[number];
        const { balancer, ask } = setUp([...nodes, { host: 'heavy', port: 80, weight: isWeighted ? 5 : 3 }], {
          policy: 'consistentHash',
        });
        const some = keys.slice(0, 500);
        const before = some.map(ask);
        balancer.update([...balancer.nodes].filter((node) => node !== leaving));
        for (const [i, host] of some.map(ask).entries()) {
          if (before[i] === leaving.host) expect(host).not.toBe(leaving.host);
          else expect(host).toBe(before[i]);
        }
      }),
      { numRuns: 50 },
    );
  });

  // The ring's own shares, without the chance of a sample: of 2^32 places each node owns those before its points.
  test.each([2, 10, 100, 1_000])('of %i nodes the fullest has at most 1.25 times its share', (count) => {
    const { ask } = setUp(equal(count), { policy: 'consistentHash' });
    const sample = count * 1_000;
    const hosts = Array.from({ length: Math.min(sample, 400_000) }, (_, i) => ask(`${i}`));
    const counts = Object.values(counted(hosts));
    const mean = hosts.length / count;
    // What a sample adds by chance: 4 standard deviations.
    expect(Math.max(...counts)).toBeLessThan(1.25 * mean + 4 * Math.sqrt(mean));
    expect(counts).toHaveLength(count);
  });

  test('a heavier node has more keys', () => {
    const { ask } = setUp(named({ a: 1, b: 3 }), { policy: 'consistentHash' });
    const { a = 0, b = 0 } = counted(keys.map(ask));
    expect(b / a).toBeGreaterThan(2.2);
    expect(b / a).toBeLessThan(4);
  });

  test('keys of an unhealthy node go elsewhere, and come back with it', () => {
    const { ask, fail, clock } = setUp(equal(5), { policy: 'consistentHash', maxFails: 1 });
    const home = fail('me');
    const elsewhere = ask('me');
    expect(elsewhere).not.toBe(home);
    expect(ask('me')).toBe(elsewhere);
    clock.ms = 10_001;
    expect([ask('me'), ask('me')]).toEqual([home, home]);
  });
});

describe('least connections', () => {
  test('the node with the fewest requests for its weight is next', () => {
    const { balancer } = setUp(named({ a: 2, b: 1 }), { policy: 'leastConnections' });
    const open = Array.from({ length: 6 }, () => balancer.request().next());
    expect(counted(open.map(({ node }) => node.host))).toEqual({ a: 4, b: 2 });
    for (const attempt of open.filter(({ node }) => node.host === 'b')) attempt.succeeded();
    expect([balancer.request().next(), balancer.request().next()].map(({ node }) => node.host)).toEqual(['b', 'b']);
  });

  test('no node has more than one above another of its weight, while requests come and go', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.nat(2), { maxLength: 200 }), (count, steps) => {
        const { balancer } = setUp(equal(count), { policy: 'leastConnections' });
        const open = new Map<string, (() => void)[]>(equal(count).map(({ host }) => [host, []]));
        for (const [i, step] of steps.entries()) {
          if (step > 0) {
            const fewest = Math.min(...[...open.values()].map(({ length }) => length));
            const { node, succeeded } = balancer.request().next();
            expect(open.get(node.host)?.length).toBe(fewest);
            open.get(node.host)?.push(succeeded);
          } else [...open.values()][i % count]?.pop()?.();
        }
      }),
    );
  });
});

describe.each(POLICIES)('with the policy %s', (policy) => {
  test('a request tries each node once, higher priorities first, then all were tried', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ weight: fc.nat(3), priority: fc.nat(2) }), { maxLength: 10 }), (some) => {
        const nodes = some.map((each, i) => ({ host: `n${i}`, port: 80, ...each }));
        const { balancer } = setUp(nodes, { policy });
        const request = balancer.request({ key: 'k' });
        const usable = nodes.filter(({ weight }) => weight > 0);
        const tried = usable.map(() => request.next().node);
        expect(new Set(tried)).toEqual(new Set(usable));
        const priorities = tried.map(({ priority }) => priority ?? 0);
        expect(priorities).toEqual([...priorities].sort((a, b) => b - a));
        expect(codeOf(() => request.next())).toBe(usable.length === 0 ? 'NO_NODES' : 'ALL_TRIED');
      }),
    );
  });

  test('three failures make a node unhealthy for 10 s; then one request tries it', () => {
    const { balancer, clock, ask } = setUp(named({ a: 1, b: 1 }), { policy });
    const failA = (): void => {
      const request = balancer.request({ key: 'k' });
      for (;;) {
        const attempt = request.next();
        if (attempt.node.host === 'b') attempt.abandoned();
        else {
          attempt.failed();
          return;
        }
      }
    };
    failA();
    failA();
    expect(balancer.isHealthy('a:80')).toBe(true);
    failA();
    expect([balancer.isHealthy('a:80'), balancer.isHealthy('b:80')]).toEqual([false, true]);
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    for (const key of keys) expect(ask(key)).toBe('b');
    clock.ms = 10_000;
    const open = keys.map((key) => balancer.request({ key }).next());
    const trial = open.filter(({ node }) => node.host === 'a');
    expect(trial).toHaveLength(1);
    trial[0]?.failed();
    for (const key of keys) expect(ask(key)).toBe('b');
    clock.ms = 20_000;
    const again = keys.map((key) => balancer.request({ key }).next()).filter(({ node }) => node.host === 'a');
    again[0]?.abandoned();
    const last = keys.map((key) => balancer.request({ key }).next()).filter(({ node }) => node.host === 'a');
    expect([again.length, last.length]).toEqual([1, 1]);
    last[0]?.succeeded();
    expect(balancer.isHealthy('a:80')).toBe(true);
    expect(keys.map(ask)).toContain('a');
  });

  test('when all are unhealthy all are used', () => {
    const { balancer, ask } = setUp(equal(4), { policy, maxFails: 1 });
    const request = balancer.request({ key: 'k' });
    for (let i = 0; i < 4; i++) request.next().failed();
    for (const { host } of balancer.nodes) expect(balancer.isHealthy(`${host}:80`)).toBe(false);
    const another = balancer.request({ key: 'k' });
    const tried = Array.from({ length: 4 }, () => another.next());
    expect(new Set(tried.map(({ node }) => node.host)).size).toBe(4);
    expect(codeOf(() => another.next())).toBe('ALL_TRIED');
    tried[2]?.succeeded();
    expect(ask('k')).toBe(tried[2]?.node.host);
  });

  test('an unhealthy tier gives way to the next one', () => {
    const nodes = [...equal(2), { host: 'spare', port: 80, priority: -1 }];
    const { balancer, ask } = setUp(nodes, { policy, maxFails: 1 });
    const request = balancer.request();
    for (let i = 0; i < 2; i++) request.next().failed();
    expect([ask('a'), ask('b')]).toEqual(['spare', 'spare']);
  });

  test('failures that a success or 10 s part do not count together, and maxFails 0 counts none', () => {
    const one = setUp([{ host: 'a', port: 80 }], { policy, maxFails: 2 });
    one.fail();
    one.ask();
    one.fail();
    one.clock.ms = 10_001;
    one.fail();
    expect(one.balancer.isHealthy('a:80')).toBe(true);
    const never = setUp([{ host: 'a', port: 80 }], { policy, maxFails: 0 });
    for (let i = 0; i < 10; i++) never.fail();
    expect(never.balancer.isHealthy('a:80')).toBe(true);
  });

  test('nodes that are replaced keep their health and their requests by address', () => {
    const { balancer, fail, ask } = setUp([{ host: 'A', port: 80 }], { policy, maxFails: 1 });
    fail();
    const open = balancer.request().next();
    balancer.update([
      { host: 'a', port: 80, weight: 7 },
      { host: 'b', port: 80 },
    ]);
    expect([balancer.isHealthy('a:80'), ask(), ask()]).toEqual([false, 'b', 'b']);
    balancer.update([{ host: 'b', port: 80 }]);
    open.succeeded();
    balancer.update(named({ a: 1, b: 1 }));
    expect(balancer.isHealthy('a:80')).toBe(true);
  });
});

test.each<[string, unknown[], Partial<Record<string, unknown>>, string]>([
  ['a port', [{ host: 'a', port: 0 }], {}, 'INVALID_NODE'],
  ['a host', [{ host: 'a,b', port: 1 }], {}, 'INVALID_NODE'],
  ['a weight', [{ host: 'a', port: 1, weight: -1 }], {}, 'INVALID_NODE'],
  ['a weight that is too large', [{ host: 'a', port: 1, weight: 1e308 }], {}, 'INVALID_NODE'],
  ['a weight that is no number', [{ host: 'a', port: 1, weight: '2' }], {}, 'INVALID_NODE'],
  ['a priority', [{ host: 'a', port: 1, priority: Number.NaN }], {}, 'INVALID_NODE'],
  ['a policy', [], { policy: 'random' }, 'INVALID_OPTION'],
  ['maxFails', [], { maxFails: -1 }, 'INVALID_OPTION'],
  ['failTimeoutMs', [], { failTimeoutMs: Number.NaN }, 'INVALID_OPTION'],
])('%s that cannot be used is refused', (_, nodes, options, code) => {
  expect(codeOf(() => setUp(nodes as BalancedNode[], options))).toBe(code);
});

test("host names, IPv6 addresses and instances of Consul's services are nodes", () => {
  const instance = { host: '::1', port: 80, id: 'web-1', node: 'n', tags: [], meta: {}, status: 'passing', weight: 2 };
  const { asks, balancer } = setUp([instance, { host: 'Web.Example', port: 80 }]);
  expect(asks(3).sort()).toEqual(['::1', '::1', 'Web.Example']);
  expect([balancer.isHealthy('[::1]:80'), balancer.isHealthy('web.example:80')]).toEqual([true, true]);
});
