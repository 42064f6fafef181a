import { expect, test } from 'vitest';
import { knownDefects, trustsProgress } from '../../src/rpc/version.js';

test.each(['3.5.35', '3.6.16', '3.7.3', '3.10.0', '4.0.0'])('%s has no known defect', (version) => {
  expect(knownDefects(version)).toEqual([]);
  expect(trustsProgress(version)).toBe(true);
});

test.each([
  ['2.3.8', 5],
  ['3.3.27', 5],
  ['3.4.24', 5],
  ['3.4.25', 4],
  ['3.5.7', 5],
  ['3.5.8', 4],
  ['3.5.21', 2],
  ['3.5.32', 1],
  ['3.6.1', 2],
  ['3.6.13', 1],
  ['3.7.0', 1],
  ['3.6.0-rc.1', 2],
])('%s has %i known defects', (version, count) => {
  expect(knownDefects(version)).toHaveLength(count);
});

test.each(['3.3.27', '3.4.24', '3.5.7', '3.5.0', undefined, 'not found'])(
  'progress of %s is not trusted',
  (version) => {
    expect(trustsProgress(version)).toBe(false);
  },
);

test('of what is no version nothing is known', () => {
  expect(knownDefects('not found')).toEqual([]);
});
