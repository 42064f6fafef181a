import { keyFromBytes } from '@rollcall/core';
import { expect, test } from 'vitest';
import { KeyNames, rangeOf } from '../../src/rpc/range.js';
import { keyValueOf } from './encoded.js';

const hex = ({ key, rangeEnd }: ReturnType<typeof rangeOf>) =>
  [key, rangeEnd].map((bytes) => bytes && Buffer.from(bytes).toString('hex'));

test('S03 a prefix is a range of bytes', () => {
  expect(hex(rangeOf({ prefix: 'a/' }))).toEqual(['612f', '6130']);
  expect(hex(rangeOf({ prefix: 'é' }))).toEqual(['c3a9', 'c3aa']);
  expect(hex(rangeOf({ prefix: '' }))).toEqual(['00', '00']);
});

test('S03 a prefix that ends in 0xff bytes: the byte before counts up; of nothing but such, the range has no end', () => {
  expect(hex(rangeOf({ prefix: keyFromBytes(Uint8Array.of(0x61, 0xff, 0xff)) }))).toEqual(['61ffff', '62']);
  expect(hex(rangeOf({ prefix: keyFromBytes(Uint8Array.of(0xff, 0xff)) }))).toEqual(['ffff', '00']);
});

test('one exact key has no end', () => {
  expect(hex(rangeOf({ prefix: 'a/b', exact: true }))).toEqual(['612f62', undefined]);
});

test('S12 a key is named by what follows the prefix, and found again by it, also when it is not UTF-8', () => {
  const names = new KeyNames({ prefix: 'a/' });
  for (const bytes of ['612f', '612fff', '612ffe', '612fc3', '612fc3a9']) {
    const relative = names.relative(keyValueOf({ key: Buffer.from(bytes, 'hex') }));
    expect(names.absolute(relative).toString('hex')).toBe(bytes);
  }
  expect(names.relative(keyValueOf({ key: Buffer.from('a/') }))).toBe('');
});
