import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../../src/index.js';
import { Tree } from '../../src/model/tree.js';
import { applySnapshot } from '../../src/watch/apply.js';

const entry = (value: number, revision = String(value)): Entry => ({ value: Uint8Array.of(value % 256), revision });
const pair = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', '\u{10000}', '\uffff'), fc.nat(3));

function holding(entries: Iterable<readonly [string, Entry]>) {
  return { revision: '10', epoch: 1, entries: Tree.of(entries) };
}

test('S04 after a full read there is what was read, in whatever order, and what is the same is the same object', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pair), fc.array(pair), async (before, after) => {
      const held = holding(before.map(([key, value]) => [key, entry(value)]));
      const entries = after.map(([key, value]) => [key, entry(value)] as const);
      const { snapshot, changed } = await applySnapshot(held, { type: 'snapshot', revision: '11', entries }, 1);
      const expected = new Map(entries);
      expect(new Map(snapshot.entries)).toEqual(expected);
      const same = [...expected].filter(([key, { revision }]) => held.entries.get(key)?.revision === revision);
      for (const [key] of same) expect(snapshot.entries.get(key)).toBe(held.entries.get(key));
      expect(changed).toBe(same.length < expected.size || held.entries.size !== expected.size);
      if (!changed) expect(snapshot.entries).toBe(held.entries);
    }),
  );
});

test('the event loop turns while a large state is compared', async () => {
  const entries = Array.from({ length: 200_000 }, (_, i) => [String(i).padStart(6, '0'), entry(i)] as const);
  const held = holding(entries);
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  const copies = entries.map(([key, { value, revision = '' }]) => [key, { value: value.slice(), revision }] as const);
  const { changed } = await applySnapshot(held, { type: 'snapshot', revision: '11', entries: copies }, 1);
  going = false;
  expect(changed).toBe(false);
  expect(turns).toBeGreaterThan(2);
});
