import { expect, test } from 'vitest';
import { rowsOf, sentence, table, verdictsOf } from './report.js';
import type { Outcome } from './scenario.js';
import type { Part } from './stage.js';

const account = { lost: 0, duplicated: 0, reordered: 0, failed: 0, failedButDelivered: 0, pending: 0 };
const turn = { durationMs: 9, changedAt: 0, longestGapMs: 5, rebootstraps: 2, connections: 3 };

function outcome(part: Part, listMs: readonly number[], more: Partial<Outcome> = {}): Outcome {
  return {
    scenario: { name: 'K03', what: 'all move', play: async () => {} },
    part,
    account: { ...account, acknowledged: 10 * listMs.length },
    faults: [],
    turns: listMs.map((each) => ({ ...turn, listMs: each, firstMs: 10 * each })),
    record: { senders: [], settled: true, lists: [], asked: [], connections: [] },
    noticed: [],
    wrong: [],
    ...more,
  };
}

const one: Part = { client: 'kafkajs', way: 'native', senders: 1, keyed: true };
const eight: Part = { client: 'kafkajs', way: 'native', senders: 8, keyed: false };

test('blocks of the same producer are one row, and producers side by side share their repeats', () => {
  const times = Array.from({ length: 20 }, (_, index) => index + 1);
  const rows = rowsOf([outcome(one, times), outcome(eight, [7, 8]), outcome(one, [21, 22]), outcome(eight, times)]);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatchObject({
    repeats: 22,
    acknowledged: 220,
    rebootstraps: 44,
    connections: 66,
    longestGapMs: { p50: 5, max: 5 },
    listMs: { p50: 11, p99: 22 },
    firstMs: { p50: 110, p99: 220 },
  });
  expect(verdictsOf(rows).map(sentence)).toEqual([
    'K03 kafkajs native: 0 of 440 messages lost, duplicated or reordered in 22 repeats, so fewer than 13.6 % of them (95 %).',
  ]);
});

test('K23 what is wrong shows, and a control is no verdict', () => {
  const bad = outcome(one, [1], { account: { ...account, acknowledged: 10, lost: 2 }, wrong: ['lost: message 4'] });
  const control = outcome({ ...one, unsafe: 'concurrent' }, [1]);
  const rows = rowsOf([bad, control]);
  expect(verdictsOf(rows)).toMatchObject([{ faults: 2, chanceBelow: null }]);
  expect(table(rows).split('\n').slice(2)).toEqual([
    '| K03 | kafkajs | native | 1 keyed | 1 | 10 | 2 | 0 | 0 | 0, 0 | 2 | 3 | 5/5 | 1/1 | 10/10 | lost: message 4 |',
    '| K03 | kafkajs | native, concurrent | 1 keyed | 1 | 10 | 0 | 0 | 0 | 0, 0 | 2 | 3 | 5/5 | 1/1 | 10/10 | as promised |',
  ]);
});
