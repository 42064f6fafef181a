import { describe, expect, test } from 'vitest';
import { NOTHING, Pairs, sameEntries, Walk } from '../../src/queries/entries.js';

const entry = () => ({ value: new Uint8Array() });
const [a, c, e] = [entry(), entry(), entry()];
const known = new Pairs([
  ['a', a],
  ['c', c],
  ['e', e],
]);

const found = (...keys: string[]) => {
  const walk = new Walk(known);
  return keys.map((key) => walk.find(key)?.[1]);
};

describe('a walk', () => {
  test('finds what is asked for in order, and not what came between or after', () => {
    expect(found('a', 'b', 'c', 'd', 'e', 'f')).toEqual([a, undefined, c, undefined, e, undefined]);
    expect(found('c', 'e')).toEqual([c, e]);
    expect(found('0', 'a')).toEqual([undefined, a]);
  });

  test('misses what is asked for out of order, and goes on', () => {
    expect(found('c', 'a', 'e')).toEqual([c, undefined, e]);
  });

  test('through nothing', () => {
    expect(new Walk(NOTHING).find('a')).toBeUndefined();
  });
});

test('the same are the very entries under the same keys', () => {
  expect(sameEntries(known, new Pairs([...known]))).toBe(true);
  expect(sameEntries(known, new Pairs([...known].slice(1)))).toBe(false);
  expect(sameEntries(known, new Pairs([...known].with(1, ['c', entry()])))).toBe(false);
  expect(sameEntries(known, new Pairs([...known].with(1, ['d', c])))).toBe(false);
  expect(sameEntries(NOTHING, NOTHING)).toBe(true);
});
