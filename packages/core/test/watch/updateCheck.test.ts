import { expect, test } from 'vitest';
import type { Update } from '../../src/adapter.js';
import { Tree } from '../../src/model/tree.js';
import { UpdateCheck } from '../../src/watch/updateCheck.js';

const entry = (revision?: string) => ({ value: Buffer.from('v'), ...(revision !== undefined && { revision }) });
const put = (key: string, revision?: string) => ({ type: 'put', key, entry: entry(revision) }) as const;

/** Takes an update apart, as the core does. */
function take(update: unknown, isFollowing = true): void {
  const checked = new UpdateCheck('mine').checked(update as Update, isFollowing);
  if (checked.type === 'snapshot') Array.from(checked.entries);
  if (checked.type === 'deltas') Array.from(checked.deltas);
}

test.each([
  [{ type: 'snapshot', revision: '"abc"', entries: [] }, 'a snapshot with the revision'],
  [{ type: 'snapshot', revision: '07', entries: [] }, 'a snapshot with the revision'],
  [{ type: 'snapshot', revision: 7, entries: [] }, 'a snapshot with the revision'],
  [{ type: 'snapshot', revision: '0', entries: [['a', entry()]] }, 'a snapshot with keys with the revision'],
  [{ type: 'snapshot', revision: '7', entries: [[Buffer.from('a'), entry()]] }, 'a key as object'],
  [{ type: 'snapshot', revision: '7', entries: [['a', { value: 'text' }]] }, 'the value of the key "a"'],
  [{ type: 'snapshot', revision: '7', entries: [['a', entry('1.5')]] }, 'the key "a" with the revision'],
  [{ type: 'delta', revision: '7', events: [put('a', '8')] }, 'the key "a" at revision 8, above its delta\'s 7'],
  [{ type: 'delta', revision: '9', events: [{ type: 'delete', key: 'a', revision: '10' }] }, 'a delete at revision 10'],
  [{ type: 'delta', revision: '7', events: [{ type: 'move', key: 'a' }] }, 'an event of the unknown type "move"'],
  [{ type: 'deltas', deltas: [{ type: 'delta', revision: '', events: [] }] }, 'a delta with the revision'],
  [{ type: 'bookmark', revision: '-1' }, 'a bookmark with the revision'],
  [{ type: 'trouble', error: new Error('plain') }, 'trouble whose error is no WatchError'],
  [{ type: 'nonsense' }, 'an update of the unknown type "nonsense"'],
  [undefined, 'an update of the unknown type'],
])('%j is refused, in the name of the adapter', (update, what) => {
  expect(() => take(update)).toThrow(
    expect.objectContaining({
      code: 'BAD_RESPONSE',
      message: expect.stringContaining(`The adapter for mine yielded ${what}`),
    }),
  );
});

test.each(['delta', 'bookmark', 'deltas'])('a %s before any snapshot is refused', (type) => {
  expect(() => take({ type, revision: '7', events: [], deltas: [] }, false)).toThrow('before any snapshot');
});

test.each([
  {
    type: 'snapshot',
    revision: '7',
    entries: [
      ['a', entry('7')],
      ['b', entry()],
    ],
  },
  { type: 'snapshot', revision: '0', entries: [] },
  { type: 'delta', revision: '10', events: [put('a', '9'), put('b'), { type: 'delete', key: 'c', revision: '10' }] },
  { type: 'bookmark', revision: '18446744073709551616' },
  { type: 'alive' },
])('%j passes', (update) => {
  expect(() => take(update)).not.toThrow();
});

test('a tree that the adapter has built is passed on as it is, so that the core does not build it again', () => {
  const entries = Tree.of([['a', entry('7')]]);
  const checked = new UpdateCheck('mine').checked({ type: 'snapshot', revision: '7', entries }, false);
  expect((checked as Extract<Update, { type: 'snapshot' }>).entries).toBe(entries);
});
