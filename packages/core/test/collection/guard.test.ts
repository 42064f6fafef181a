import { expect, test } from 'vitest';
import { heldBack, isMassDelete } from '../../src/collection/guard.js';
import { type Change, collect, type Decode, WatchError } from '../../src/index.js';
import { settle } from '../manualTiming.js';
import { del, put, snapshot } from '../scriptedSource.js';
import { delta, setUp } from './harness.js';

const text: Decode<string> = (value) => Buffer.from(value).toString();

/** A guarded collection of five keys, and a function that makes a resync find only what is given. */
async function five({ guard = true, decode = text }: { guard?: boolean; decode?: Decode<string> } = {}) {
  const set = setUp();
  const collection = collect(set.watcher, { ...set.common, decode, guard });
  let attempt = await set.source.next();
  attempt.play(snapshot('1', { a: '1', b: '1', c: '1', d: '1', e: '1' }));
  await collection.ready();
  const resync = async (revision: string, entries: Record<string, string>): Promise<void> => {
    attempt = await set.readAnew(attempt);
    attempt.play(snapshot(revision, entries));
    await settle();
  };
  const keys = (): string => [...collection.items.keys()].join('');
  const held = (): string => [...collection.held].join('');
  return { ...set, collection, resync, keys, held, play: (update: ReturnType<typeof delta>) => attempt.play(update) };
}

/** Decodes `slow` only when told to. */
function slowly() {
  let finish = (): void => {};
  const decode: Decode<string> = (value) => {
    const decoded = Buffer.from(value).toString();
    if (decoded !== 'slow') return decoded;
    return new Promise((resolve) => {
      finish = () => resolve(decoded);
    });
  };
  return { decode, finish: () => finish() };
}

test.each([
  [2, 2, false],
  [3, 3, true],
  [3, 5, true],
  [3, 6, false],
  [4, 6, true],
  [500, 1000, false],
  [501, 1000, true],
])('S65 %i of %i keys missing is a mass delete: %s', (missing, known, expected) => {
  expect(isMassDelete(missing, known)).toBe(expected);
});

test('S65 only what a resync infers is held back, and what is held already counts', () => {
  const entry = { value: new Uint8Array() };
  const gone = (key: string, synthetic: boolean): Change => ({
    type: 'delete',
    key,
    revision: '2',
    previous: entry,
    synthetic,
  });
  const abc = ['a', 'b', 'c'];
  const inferred = abc.map((key) => gone(key, true));
  expect(heldBack('resync', inferred, new Set(), 5)).toEqual(abc);
  expect(
    heldBack(
      'resync',
      abc.map((key) => gone(key, false)),
      new Set(),
      5,
    ),
  ).toEqual([]);
  expect(heldBack('delta', inferred, new Set(), 5)).toEqual([]);
  expect(heldBack('swap', inferred, new Set(), 5)).toEqual([]);
  expect(heldBack('resync', [gone('d', true)], new Set(abc), 5)).toEqual(['d']);
  expect(heldBack('resync', [gone('d', true)], new Set(abc), 50)).toEqual([]);
});

test('S65 a mass delete by a resync is held, told, confirmed by a fresh read after 2 s, then applied', async () => {
  const { collection, source, timing, lines, resync, keys, held } = await five();
  await resync('5', { e: '1@1', f: '1@5' });
  expect([keys(), held(), collection.version]).toEqual(['abcdef', 'abcd', 2]);
  expect(lines).toMatchObject([{ level: 'warn', fields: { keys: ['a', 'b', 'c', 'd'], count: 4 } }]);
  const reads = source.attempts.length;
  await timing.advance(1999);
  expect([source.attempts.length, keys()]).toEqual([reads, 'abcdef']);
  await timing.advance(1);
  expect([source.attempts.length, keys()]).toEqual([reads + 1, 'abcdef']);
  (await source.next()).play(snapshot('6', { e: '1@1', f: '1@5' }));
  await settle();
  expect([keys(), held(), collection.version]).toEqual(['ef', '', 3]);
  expect(lines.at(-1)).toMatchObject({
    level: 'warn',
    fields: { count: 4 },
    message: expect.stringContaining('confirms'),
  });
  expect(timing.pending).toBe(0);
});

test('S65 the read counts where it finds the keys: they stay, with its values, until watch and read agree', async () => {
  const { collection, source, timing, resync, keys, held, play } = await five();
  await resync('5', { e: '1@1' });
  await timing.advance(2000);
  (await source.next()).play(snapshot('6', { a: '1@1', b: '2@6', e: '1@1' }));
  await settle();
  expect([keys(), held(), collection.get('b')]).toEqual(['abe', 'ab', '2']);
  play(delta(7, put('b', '3', '7')));
  await settle();
  expect([keys(), held(), collection.get('b')]).toEqual(['abe', 'a', '3']);
  await timing.advance(2125);
  (await source.next()).play(snapshot('8', { b: '3@7', e: '1@1' }));
  await settle();
  expect([keys(), held(), timing.pending]).toEqual(['be', '', 0]);
});

test('S65 a key that comes back during the hold is held no more, and needs no read', async () => {
  const { source, timing, resync, keys, held, play } = await five();
  await resync('5', { e: '1@1' });
  const attempts = source.attempts.length;
  play(delta(6, put('a', '1', '6'), put('b', '1', '6'), put('c', '1', '6')));
  play(delta(7, put('d', '1', '7'), del('a', '7')));
  await settle();
  expect([keys(), held()]).toEqual(['bcde', '']);
  await timing.advance(60_000);
  expect(source.attempts).toHaveLength(attempts);
});

test('S65 a key that came back during the read is not judged by it', async () => {
  const { source, timing, resync, keys, play } = await five();
  await resync('5', { e: '1@1' });
  await timing.advance(2000);
  const read = await source.next();
  play(delta(6, put('a', '2', '6')));
  await settle();
  read.play(snapshot('5', { e: '1@1' }));
  await settle();
  expect(keys()).toBe('ae');
});

test('S65 deletes that the backend told are never held', async () => {
  const { play, keys, held } = await five();
  play(delta(2, del('a', '2'), del('b', '2'), del('c', '2'), del('d', '2'), del('e', '2')));
  await settle();
  expect([keys(), held()]).toEqual(['', '']);
});

test('S65 less than that is applied at once, and so is everything without the guard', async () => {
  const guarded = await five();
  await guarded.resync('5', { a: '1@1', b: '1@1', c: '1@1' });
  expect([guarded.keys(), guarded.held()]).toEqual(['abc', '']);
  const free = await five({ guard: false });
  await free.resync('5', {});
  expect([free.keys(), free.held()]).toEqual(['', '']);
});

test('S65 keys that a later resync misses join, and the wait starts anew', async () => {
  const { source, timing, resync, keys, held } = await five();
  await resync('5', { d: '1@1', e: '1@1' });
  await timing.advance(1500);
  await resync('6', { e: '1@1' });
  expect([keys(), held()]).toEqual(['abcde', 'abcd']);
  const attempts = source.attempts.length;
  await timing.advance(1999);
  expect(source.attempts).toHaveLength(attempts);
  await timing.advance(1);
  (await source.next()).play(snapshot('7', { e: '1@1' }));
  await settle();
  expect([keys(), held()]).toEqual(['e', '']);
});

test('S65 while reads fail the keys stay; it asks again with backoff and says so once', async () => {
  const { source, timing, lines, resync, keys, held } = await five();
  await resync('5', { e: '1@1' });
  await timing.advance(2000);
  (await source.next()).play(new WatchError('UNREACHABLE', 'nobody there'));
  await timing.advance(2125);
  (await source.next()).play(new WatchError('UNREACHABLE', 'nobody there'));
  await settle();
  expect([keys(), held()]).toEqual(['abcde', 'abcd']);
  expect(lines.filter(({ message }) => message.startsWith('Cannot confirm'))).toHaveLength(1);
  await timing.advance(2250);
  (await source.next()).play(snapshot('5', { e: '1@1' }));
  await settle();
  expect(keys()).toBe('e');
});

test('S62 closing during a hold or a read leaves no timer, and nothing changes after', async () => {
  const waiting = await five();
  await waiting.resync('5', {});
  await waiting.collection.close();
  expect(waiting.timing.pending).toBe(0);
  const reading = await five();
  await reading.resync('5', {});
  await reading.timing.advance(2000);
  const read = await reading.source.next();
  await reading.collection.close();
  read.play(snapshot('5', {}));
  await settle();
  expect([reading.keys(), read.signal.aborted]).toEqual(['abcde', true]);
});

test('S65 what a read says waits for a batch that is still being decoded', async () => {
  const { decode, finish } = slowly();
  const { source, timing, resync, keys, held, play } = await five({ decode });
  await resync('5', { e: '1@1' });
  play(delta(6, put('a', 'slow', '6')));
  await timing.advance(2000);
  (await source.next()).play(snapshot('6', { a: 'slow@6', e: '1@1' }));
  await settle();
  expect([keys(), held()]).toEqual(['abcde', 'abcd']);
  finish();
  await settle();
  expect([keys(), held()]).toEqual(['ae', '']);
});

test('S62 closing while a value of a fresh read is being decoded changes nothing', async () => {
  const { decode, finish } = slowly();
  const { collection, source, timing, resync, keys } = await five({ decode });
  await resync('5', { e: '1@1' });
  await timing.advance(2000);
  (await source.next()).play(snapshot('6', { a: 'slow@6', e: '1@1' }));
  await settle();
  await collection.close();
  finish();
  await settle();
  expect([keys(), collection.get('a')]).toEqual(['abcde', '1']);
});
