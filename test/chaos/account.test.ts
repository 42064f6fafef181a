import type { Change, Entry } from '@rollcall/core';
import { describe, expect, test } from 'vitest';
import type { Told } from './backend.js';
import { HistoryAccount } from './etcd/account.js';
import { History } from './etcd/history.js';
import { del, entry, put, told } from './tellings.js';

/** The checker of the chaos run must see each way in which a watcher can be wrong. */

const SCOPE = { prefix: 'a/', exact: false };

/** Revision 1 put x and y, 2 another prefix's key, 3 changed x and deleted y in one transaction, 4 put y again. */
function history(): History {
  const made = new History(new Map(), 0n);
  const put = (key: string, made: Entry) => ({ key, entry: made });
  const x = entry('x', 1);
  made.append({ revision: 1n, events: [put('a/x', x), put('a/y', entry('y', 1))] });
  made.append({ revision: 2n, events: [put('b/z', entry('z', 2))] });
  made.append({ revision: 3n, events: [put('a/x', entry('x2', 3, 1)), { key: 'a/y', entry: undefined }] });
  made.append({ revision: 4n, events: [put('a/y', entry('y2', 4))] });
  return made;
}

const INITIAL = told(2, [put('x', entry('x', 1)), put('y', entry('y', 1))], { cause: 'initial' });
const THIRD = told(3, [put('x', entry('x2', 3, 1), entry('x', 1)), del('y', 3, entry('y', 1))]);
const FOURTH = told(4, [put('y', entry('y2', 4))]);

/** What is found wrong with batches told in this order. */
function found(batches: readonly Told[], prompt = true): string[] {
  const histories = new Map([[1, history()]]);
  const account = new HistoryAccount({ watcher: 'w', scope: SCOPE, prompt, history: (era) => histories.get(era) });
  return batches.flatMap((batch) => account.check(batch)).map(({ what, key = '' }) => `${what} ${key}`.trim());
}

test('what happened, told whole and in order, is right', () => {
  expect(found([INITIAL, THIRD, FOURTH])).toEqual([]);
});

test('a slow reader may be told the net difference of several revisions', () => {
  const net = told(4, [put('x', entry('x2', 3, 1), entry('x', 1)), put('y', entry('y2', 4), entry('y', 1))]);
  expect(found([INITIAL, { ...net, coalesced: true }], false)).toEqual([]);
  expect(found([INITIAL, { ...net, coalesced: true }])).toEqual([
    expect.stringContaining('it is coalesced'),
    expect.stringContaining('it covers 2 revisions, 3 to 4'),
  ]);
});

test('what came and went while a compaction let only a full read tell is not told', () => {
  const histories = new Map([[1, history()]]);
  histories.get(1)?.append({ revision: 5n, events: [{ key: 'a/z', entry: entry('z', 5) }] });
  histories.get(1)?.append({ revision: 6n, events: [{ key: 'a/z', entry: undefined }] });
  histories.get(1)?.append({ revision: 7n, events: [{ key: 'a/z', entry: entry('z', 7) }] });
  const check = (batches: readonly Told[]) => {
    const account = new HistoryAccount({
      watcher: 'w',
      scope: SCOPE,
      prompt: true,
      history: (era) => histories.get(era),
    });
    return batches.flatMap((batch) => account.check(batch));
  };
  const seventh = told(7, [put('z', entry('z', 7))]);
  expect(check([INITIAL, THIRD, FOURTH, { ...seventh, afterOutage: true }])).toEqual([]);
  expect(check([INITIAL, THIRD, FOURTH, seventh])).toMatchObject([
    { what: expect.stringContaining('it covers 3 revisions, 5 to 7') },
  ]);
});

describe('found out', () => {
  test('a revision that is never told', () => {
    expect(found([INITIAL, FOURTH])).toEqual([
      expect.stringContaining('it covers 2 revisions, 3 to 4'),
      expect.stringMatching(/a change was not told a\/x$/),
      expect.stringMatching(/a change was told wrongly a\/y$/),
    ]);
  });

  test('a transaction that is split over two batches', () => {
    const [first, second] = THIRD.changes as [Change, Change];
    expect(found([INITIAL, { ...THIRD, changes: [first] }, { ...THIRD, changes: [second] }])).toEqual([
      expect.stringMatching(/revision 3 .* a change was not told a\/y$/),
      expect.stringContaining('revision 3 was told before, in the same epoch'),
      expect.stringContaining('nothing happened since the last one'),
      expect.stringMatching(/a change was told wrongly a\/y$/),
    ]);
  });

  test('a revision that is told twice, or too late', () => {
    expect(found([INITIAL, THIRD, THIRD])[0]).toContain('revision 3 was told before');
    expect(found([INITIAL, THIRD, FOURTH, THIRD])[0]).toContain('revision 4 was told before');
  });

  test('a value, a revision or a deletion that is not the server’s', () => {
    const wrong = (change: Change): string[] =>
      found([INITIAL, { ...THIRD, changes: [change, ...THIRD.changes.slice(1)] }]);
    expect(wrong(put('x', entry('x3', 3, 1), entry('x', 1)))).toEqual([expect.stringMatching(/told wrongly a\/x$/)]);
    expect(wrong(put('x', entry('x2', 3, 3), entry('x', 1)))).toEqual([expect.stringMatching(/told wrongly a\/x$/)]);
    expect(wrong(put('x', entry('x2', 3, 1)))).toEqual([expect.stringMatching(/told wrongly a\/x$/)]);
    expect(wrong(del('x', 3, entry('x', 1)))).toEqual([expect.stringMatching(/told wrongly a\/x$/)]);
  });

  test('a deletion by the server that is called inferred', () => {
    const [change] = THIRD.changes as [Change];
    expect(found([INITIAL, { ...THIRD, changes: [change, del('y', 3, entry('y', 1), true)] }])).toEqual([
      expect.stringContaining('called synthetic'),
    ]);
  });

  test('a key of another prefix, a change that is none, changes out of order', () => {
    const stranger = put('z', entry('z', 2));
    expect(found([{ ...INITIAL, changes: [...INITIAL.changes, stranger] }])).toEqual([
      expect.stringMatching(/told wrongly a\/z$/),
    ]);
    expect(found([INITIAL, { ...FOURTH, revision: '3', changes: [] }])).toContainEqual(
      expect.stringContaining('it tells nothing'),
    );
    expect(found([INITIAL, { ...THIRD, changes: THIRD.changes.toReversed() }])).toEqual([
      expect.stringContaining('out of order'),
    ]);
  });

  test('a revision that the store has not reached, a second beginning, a new epoch without a cause', () => {
    expect(found([INITIAL, THIRD, told(5, [])])).toEqual([expect.stringContaining('the store was only at 4')]);
    expect(found([INITIAL, { ...THIRD, cause: 'initial' }])[0]).toContain('an initial batch is the first one');
    expect(found([INITIAL, { ...THIRD, epoch: 2 }])[0]).toContain('although the store has the same history');
  });
});

describe('a restored store', () => {
  /** Restored from revision 2, and another y put at 3. */
  const restored = (): Map<number, History> => {
    const fork = history().fork(2n);
    fork.append({ revision: 3n, events: [{ key: 'a/y', entry: entry('other', 3, 1) }] });
    return new Map([
      [1, history()],
      [2, fork],
    ]);
  };

  test('is told as the difference; in a new epoch bytes alone count', () => {
    const histories = restored();
    const account = new HistoryAccount({
      watcher: 'w',
      scope: SCOPE,
      prompt: true,
      history: (era) => histories.get(era),
    });
    const changes = [put('x', entry('x', 1), entry('x2', 3, 1)), put('y', entry('other', 3, 1), entry('y2', 4))];
    const resync = told(3, changes, { cause: 'resync', epoch: 2, era: 2 });
    expect([INITIAL, THIRD, FOURTH, resync].flatMap((batch) => account.check(batch))).toEqual([]);
  });

  test('a key of the lost history that stays is found out', () => {
    const histories = restored();
    const account = new HistoryAccount({
      watcher: 'w',
      scope: SCOPE,
      prompt: true,
      history: (era) => histories.get(era),
    });
    const changes = [put('y', entry('other', 3, 1), entry('y2', 4))];
    const resync = told(3, changes, { cause: 'resync', epoch: 2, era: 2 });
    expect([INITIAL, THIRD, FOURTH, resync].flatMap((batch) => account.check(batch))).toMatchObject([
      { what: expect.stringContaining('a change was not told'), key: 'a/x' },
    ]);
  });
});

test('a history with a gap is refused', () => {
  expect(() => history().append({ revision: 6n, events: [] })).toThrow('revision 6 follows 4');
});
