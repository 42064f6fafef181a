import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { PackedEntry } from '../../src/internal.js';
import { sameEntry } from '../../src/model/changes.js';

const block = new Uint8Array(Buffer.from('..value..'));
const entry = new PackedEntry(block, 2, 5, 7, 2n ** 53n + 1n);

test('a packed entry shows its part of the block, and revisions that are exact beyond 2^53', () => {
  expect(Buffer.from(entry.value).toString()).toBe('value');
  expect([entry.revision, entry.createRevision]).toEqual(['7', '9007199254740993']);
  expect(entry.value).toBe(entry.value);
});

test('it is printed as any entry is', () => {
  expect(JSON.parse(JSON.stringify(entry))).toEqual({
    value: 'value',
    revision: '7',
    createRevision: '9007199254740993',
  });
  expect(inspect(entry)).toContain("revision: '7'");
});

test('it is the same as another by revisions and bytes, packed or not', () => {
  const plain = { value: Buffer.from('value'), revision: '7', createRevision: '9007199254740993' };
  const packed = (at: number, revision: number) => new PackedEntry(block, at, 5, revision, 2n ** 53n + 1n);
  expect(sameEntry(entry, plain, true)).toBe(true);
  expect(sameEntry(entry, packed(2, 7), true)).toBe(true);
  expect(sameEntry(entry, packed(2, 8), true)).toBe(false);
  expect(sameEntry(entry, packed(2, 8), false)).toBe(true);
  expect(sameEntry(entry, packed(1, 7), true)).toBe(false);
});
