import { expect, test } from 'vitest';
import { accountOf, faultsOf } from './account.js';
import type { Stored } from './truth.js';

const stored = (sender: number, number: number, partition: number, offset: number): Stored => ({
  producer: 7,
  sender,
  number,
  partition,
  offset,
  key: undefined,
});

test('K23 the account sees what is lost, duplicated, reordered, and delivered although it failed', () => {
  const failed = [
    { number: 3, at: 30, error: 'timed out' },
    { number: 4, at: 40, error: 'timed out' },
  ];
  const record = {
    senders: [
      { acknowledged: [0, 10, 20, null, null, 50, null], failed },
      { acknowledged: [0, 10], failed: [] },
    ],
    settled: false,
    lists: [],
    asked: [],
    connections: [],
  };
  const all = [
    { ...stored(0, 2, 0, 9), producer: 8 },
    stored(0, 2, 0, 0),
    stored(0, 0, 0, 1),
    stored(1, 1, 0, 2),
    stored(0, 3, 1, 0),
    stored(0, 5, 1, 1),
    stored(0, 5, 2, 0),
    stored(1, 0, 2, 1),
  ];
  expect(accountOf(7, record, all)).toEqual({
    acknowledged: 6,
    lost: 1,
    duplicated: 1,
    reordered: 1,
    failed: 2,
    failedButDelivered: 1,
    pending: 1,
  });
  expect(faultsOf(7, record, all)).toEqual([
    { kind: 'lost', sender: 0, number: 1, at: 10 },
    { kind: 'duplicated', sender: 0, number: 5, at: 50 },
    { kind: 'reordered', sender: 0, number: 0, at: 0 },
  ]);
});
