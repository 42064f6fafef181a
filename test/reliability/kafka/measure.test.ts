import { expect, test } from 'vitest';
import type { ProducerRecord } from '../../support/producers/protocol.js';
import { connections, longestGapMs, percentile, rebootstraps } from './measure.js';

const record: ProducerRecord = {
  senders: [
    { acknowledged: [100, 110, null, 400, 410], failed: [] },
    { acknowledged: [100, 250, 260], failed: [] },
  ],
  settled: true,
  lists: [],
  asked: [90, 300, 500],
  connections: [
    { at: 90, to: 'a:1', established: true },
    { at: 300, to: 'a:1', established: false },
    { at: 310, to: 'b:2', established: true },
    { at: 320, to: 'etcd:1', established: true },
  ],
};

test('a gap is between two acknowledgements of one sender, and belongs to when it ended', () => {
  expect(longestGapMs(record, { from: 0, to: 1000 })).toBe(290);
  expect(longestGapMs(record, { from: 0, to: 399 })).toBe(150);
  expect(longestGapMs(record, { from: 401, to: 1000 })).toBe(10);
});

test('what is asked and connected within a span is counted', () => {
  const span = { from: 300, to: 500 };
  expect(rebootstraps(record, span)).toEqual([300, 500]);
  const counted = connections(record, { ...span, except: (to) => to === 'etcd:1' });
  expect(counted.map(({ to }) => to)).toEqual(['b:2']);
});

test('a percentile is the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([50, 99, 100]);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});
