import { expect, test } from 'vitest';
import { changeBetween, decide, type RegistryBrokers } from '../../src/list/rule.js';

type Case = Partial<Omit<RegistryBrokers, 'clusters'>> & { readonly clusters?: Readonly<Record<string, string>> };

function found(brokers: readonly string[], { clusters = {}, ...more }: Case = {}): RegistryBrokers {
  const nothing = { otherCluster: 0, leftOut: '', unlearned: '' };
  return {
    brokers,
    usable: brokers,
    brokerCount: more.usable?.length ?? brokers.length,
    ...nothing,
    clusters: new Map(Object.entries(clusters)),
    ...more,
  };
}

test.each([
  ['nothing before', undefined, ['a'], 1, 'first'],
  ['nothing before and none', undefined, [], 1, 'refuse'],
  ['the same', ['a'], ['a'], 1, 'same'],
  ['one more', ['a'], ['a', 'b'], 1, 'seeds'],
  ['one less', ['a', 'b'], ['a'], 1, 'seeds'],
  ['all but one replaced', ['a', 'b', 'c'], ['c', 'd', 'e'], 1, 'seeds'],
  ['another order', ['a', 'b'], ['b', 'a'], 1, 'seeds'],
  ['none in common', ['a', 'b'], ['c'], 1, 'rebootstrap'],
  ['another port', ['a:1'], ['a:2'], 1, 'rebootstrap'],
  ['too few', ['a', 'b'], ['a'], 2, 'refuse'],
  ['none', ['a'], [], 1, 'refuse'],
] as const)('%s: published %j, found %j, at least %i: %s', (_, published, now, minBrokers, change) => {
  expect(decide(published && found(published), found(now), minBrokers).change).toBe(change);
});

test.each([
  ['the limit picks others of the known', { usable: ['a', 'b'] }, { usable: ['a', 'b'] }, 'seeds'],
  ['the usable have none in common', { usable: ['a', 'x'] }, { usable: ['b', 'y'] }, 'rebootstrap'],
])('usable brokers count, listed or not: %s', (_, before, now, change) => {
  expect(decide(found(['a'], before), found(['b'], now), 1).change).toBe(change);
});

test.each([
  [['a', 'b'], 2, 0, 'first', undefined],
  [[], 1, 0, 'refuse', 'TOO_FEW_BROKERS'],
  [[], 1, 3, 'refuse', 'OTHER_CLUSTER'],
  [['a'], 2, 1, 'refuse', 'OTHER_CLUSTER'],
  [['a'], 3, 1, 'refuse', 'TOO_FEW_BROKERS'],
  [['a'], 1, 1, 'first', undefined],
])('K10 usable %j of at least %i, %i of another cluster: %s %s', (usable, minBrokers, otherCluster, change, code) => {
  const decision = decide(undefined, found(usable, { otherCluster }), minBrokers);
  expect(decision).toMatchObject({ change, ...(code && { code }) });
});

test('K11 brokers of two clusters are followed by nobody, and the error names both', () => {
  const both = found(['a', 'b'], { clusters: { one: 'a', two: 'b' } });
  for (const published of [undefined, found(['a'])]) {
    expect(decide(published, both, 1)).toMatchObject({
      change: 'refuse',
      code: 'OTHER_CLUSTER',
      reason: expect.stringMatching(/a is of "one", b is of "two".*"clusterId"/),
    });
  }
});

test('a decision says why', () => {
  const reason = (...from: Parameters<typeof decide>): string => decide(...from).reason;
  expect(reason(found(['a']), found(['a', 'b']), 1)).toBe('1 of 2 brokers were in the list before.');
  expect(reason(found(['a']), found(['b']), 1)).toBe(
    'None of these brokers was in the list before; the cluster was not asked for.',
  );
  const unlearned = ' The id is not learned yet.';
  expect(reason(undefined, found(['a'], { unlearned }), 1)).toBe(`Nothing was published before.${unlearned}`);
  expect(reason(found(['a']), found(['b'], { clusters: { one: 'b' } }), 1)).toContain('the cluster is the same, "one"');
  expect(reason(undefined, found([], { leftOut: '2 unreachable' }), 1)).toBe(
    'The registry names 0 usable brokers, fewer than 1 (left out: 2 unreachable).',
  );
});

test.each([
  [undefined, ['a'], 'first'],
  [['a'], ['a', 'b'], 'seeds'],
  [['a'], ['b', 'c'], 'rebootstrap'],
  [['a', 'b'], ['b'], 'seeds'],
])('of a reader that saw %j last, %j is %s', (before, now, change) => {
  expect(changeBetween(before, now)).toBe(change);
});
