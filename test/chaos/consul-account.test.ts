import { describe, expect, test } from 'vitest';
import type { Told } from './backend.js';
import { AnswerAccount, type Knowledge } from './consul/account.js';
import { Rates } from './consul/rates.js';
import type { Asks } from './consul/targets.js';
import { del, entry, put, told } from './tellings.js';

/** The checker of the chaos run on Consul must see each way in which a watcher can be wrong. */

const QUIET: Knowledge = {
  checkpointBefore: () => 0,
  wasRestored: () => false,
  hadElection: () => false,
  mayHaveGone: (name) => name === 'kv/deleted',
  timeOf: String,
  lastEvents: () => [],
};

const X = entry('1|kv/x|2|xx', 1);
const DELETED = entry('', 2);
const INITIAL = told(5, [put('x', X), put('deleted', DELETED)], { cause: 'initial' });
const GONE = told(6, [del('deleted', 6, DELETED, true)]);
const LATER = entry('7|kv/x|0|', 7, 1);

/** What is found wrong with batches told in this order. */
function found(
  batches: readonly Told[],
  knowledge: Partial<Knowledge> = {},
  lags = false,
  asks: Asks = { kind: 'kv', prefix: 'kv/', exact: false },
): string[] {
  const ledger = { ...QUIET, ...knowledge };
  const account = new AnswerAccount({ watcher: 'w', asks, lags, prompt: true, ledger });
  return batches.flatMap((batch) => account.check(batch)).map(({ what }) => what.slice(what.indexOf(': ') + 2));
}

test('what can have happened is right', () => {
  const back = told(8, [put('deleted', entry('', 8))]);
  expect(found([INITIAL, GONE, told(7, [put('x', LATER, X)]), back])).toEqual([]);
});

test("a server's node may leave the catalog, no other node may", () => {
  const nodes = { kind: 'catalog', of: 'nodes' } as const;
  const of = (node: string): string[] => {
    const initial = told(5, [put(node, X)], { cause: 'initial' });
    return found([initial, told(6, [del(node, 6, X, true)])], {}, false, nodes);
  };
  expect(of('consul0')).toEqual([]);
  expect(of('ext-0')).toEqual(['it was told to be deleted, and nobody deleted it']);
});

describe('found out', () => {
  test('a delete of what nobody deleted, or that Consul is said to have told', () => {
    expect(found([INITIAL, told(6, [del('x', 6, X, true)])])).toEqual([
      'it was told to be deleted, and nobody deleted it',
    ]);
    expect(found([INITIAL, told(6, [del('deleted', 6, DELETED)])])).toEqual([
      expect.stringContaining('not called synthetic'),
    ]);
  });

  test('a delete of what is back and as old as before', () => {
    expect(found([INITIAL, GONE, told(7, [put('deleted', DELETED)])])).toEqual([
      expect.stringContaining('never was: it is as old as before'),
    ]);
  });

  test('a value of another key, and half a value', () => {
    for (const value of ['1|kv/y|2|xx', '1|kv/x|3|xx', 'x']) {
      expect(found([told(5, [put('x', entry(value, 1))], { cause: 'initial' })])).toEqual([
        'its value was never written to it',
      ]);
    }
  });

  test('an earlier version, an earlier answer, a new epoch without a cause', () => {
    const earlier = entry('0|kv/x|0|', 0, 0);
    expect(found([INITIAL, told(6, [put('x', earlier, X)])])).toEqual(['it went back to an earlier version']);
    expect(found([INITIAL, told(5, [put('x', LATER, X)])])).toEqual(['revision 5 was told before, in the same epoch']);
    const anew = told(3, [put('x', earlier, X)], { epoch: 2 });
    expect(found([INITIAL, anew])).toEqual([
      'a new epoch after 1, although no earlier state was restored',
      'it went back to an earlier version',
    ]);
    expect(found([INITIAL, anew], { wasRestored: () => true })).toEqual([]);
    expect(found([INITIAL, anew], { hadElection: () => true }, true)).toEqual([]);
    expect(found([INITIAL, anew], { hadElection: () => true })).not.toEqual([]);
  });

  test('what is told again, nothing, a second beginning, changes out of order', () => {
    expect(found([INITIAL, told(6, [put('x', X, X)])])).toEqual(['it is told again']);
    expect(found([INITIAL, told(6, [])])).toEqual(['it tells nothing']);
    expect(found([INITIAL, told(6, [put('x', LATER, X)], { cause: 'initial' })])[0]).toContain('the first one');
    const both = [put('deleted', entry('', 9), DELETED), put('x', LATER, X)];
    expect(found([INITIAL, told(9, both)])).toEqual(['its changes are out of order']);
  });
});

test('more requests than are promised are found out, of each target by itself', () => {
  const rates = new Rates();
  const ask = (path: string, times: number): void => {
    for (let time = 0; time < times; time++) rates.note({ url: path });
  };
  ask('/v1/kv/a?recurse', 1);
  ask('/v1/kv/a?recurse&index=7&wait=1s', 5);
  ask('/v1/kv/b?recurse', 5);
  expect(rates.check()).toEqual([]);
  ask('/v1/kv/a?recurse&index=8&wait=1s', 5);
  expect(rates.check()).toMatchObject([{ what: expect.stringContaining('/v1/kv/a?recurse=: blocking requests') }]);
});
