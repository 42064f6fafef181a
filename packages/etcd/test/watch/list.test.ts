import { expect, test } from 'vitest';
import { nextLimit } from '../../src/watch/list.js';
import { rangeAnswerOf } from '../rpc/encoded.js';

const page = (keys: number, valueBytes: number) =>
  rangeAnswerOf(Array.from({ length: keys }, () => ({ key: Buffer.alloc(10), value: Buffer.alloc(valueBytes) })));

test('pages of small values grow tenfold up to 20,000 keys', () => {
  expect(nextLimit(page(100, 0))).toBe(1_000);
  expect(nextLimit(page(5_000, 90))).toBe(20_000);
});

test('pages of large values shrink to about 4 MiB, never to nothing', () => {
  expect(nextLimit(page(50, 1024 * 1024))).toBe(3);
  expect(nextLimit(page(2, 8 * 1024 * 1024))).toBe(1);
});
