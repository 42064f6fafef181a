import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type CollectOptions, collect, type Decode, WatchError } from '../../src/index.js';
import { settle } from '../manualTiming.js';
import { del, put, snapshot } from '../scriptedSource.js';
import { delta, nextOf, setUp } from './harness.js';

/** Decodes a number; what it was asked to decode is in `seen`. */
function numbers() {
  const seen: string[] = [];
  const decode: Decode<number> = (value, key) => {
    const text = Buffer.from(value).toString();
    seen.push(`${key}=${text}`);
    if (!/^\d+$/.test(text)) throw new Error(`"${text}" is not a number`);
    return Number(text);
  };
  return { seen, decode };
}

test('S67 one invalid item among 50: 49 load, the bad one is in quarantine with key, revision and reason', async () => {
  const { watcher, source, lines, common } = setUp();
  const collection = collect(watcher, { ...common, schema: z.object({ port: z.number() }) });
  const values = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, JSON.stringify({ port: i })]));
  const attempt = await source.next();
  attempt.play(snapshot('9', { ...values, k7: '{"port":"seven"}' }));
  const { items, version, revision } = await collection.ready();
  expect([items.size, version, revision]).toEqual([49, 1, '9']);
  expect(items.has('k7')).toBe(false);
  expect([...collection.quarantine.values()]).toMatchObject([
    { key: 'k7', revision: '9', reason: expect.stringMatching(/^port: .*expected number/) },
  ]);
  expect(lines).toMatchObject([{ level: 'warn', fields: { count: 1, quarantined: [{ key: 'k7', revision: '9' }] } }]);

  attempt.play(delta(10, put('k7', '{"port":7}', '10')));
  await settle();
  expect([collection.items.size, collection.quarantine.size, collection.get('k7')]).toEqual([50, 0, { port: 7 }]);
});

test.each(['live', 'a resync'])('S67 a bad value keeps the last good item, told by %s', async (how) => {
  const { watcher, source, timing, common, readAnew } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1', b: '2' }));
  await collection.ready();
  const before = timing.wallNow();
  if (how === 'live') {
    attempt.play(delta(2, put('b', 'x', '2')));
    await settle();
  } else {
    const again = await readAnew(attempt);
    again.play(snapshot('2', { a: '1@1', b: 'x@2' }));
    await settle();
  }
  expect([...collection.items]).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(collection.version).toBe(1);
  expect(collection.quarantine.get('b')).toEqual({
    key: 'b',
    revision: '2',
    reason: '"x" is not a number',
    since: before,
  });
});

test('a key that stays bad keeps the time when it first was; deleting it clears both', async () => {
  const { watcher, source, timing, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1' }), delta(2, put('a', 'x', '2')));
  await settle();
  const since = timing.wallNow();
  await timing.advance(5000);
  attempt.play(delta(3, put('a', 'y', '3')));
  await settle();
  expect(collection.quarantine.get('a')).toMatchObject({ revision: '3', reason: '"y" is not a number', since });
  attempt.play(delta(4, del('a', '4')));
  await settle();
  expect([collection.items.size, collection.quarantine.size, collection.version]).toEqual([0, 0, 2]);
});

test('entries with the same bytes are not decoded again, and make no version', async () => {
  const { watcher, source, common, readAnew } = setUp();
  const { seen, decode } = numbers();
  const collection = collect(watcher, { ...common, decode });
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1', b: '2' }), delta(2, put('a', '1', '2')));
  const again = await readAnew(attempt, 'ROLLED_BACK');
  again.play(snapshot('1', { a: '1', b: '3', c: '4' }));
  await settle();
  expect(seen).toEqual(['a=1', 'b=2', 'b=3', 'c=4']);
  expect(collection.version).toBe(2);
});

test('a touched value in quarantine is tried again', async () => {
  const { watcher, source, common } = setUp();
  let broken = false;
  const collection = collect(watcher, {
    ...common,
    decode: (value) => {
      if (broken) throw new Error('not now');
      return Buffer.from(value).toString();
    },
  });
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: 'old' }));
  await collection.ready();
  broken = true;
  attempt.play(delta(2, put('a', 'new', '2')));
  await settle();
  expect([collection.get('a'), collection.quarantine.size]).toEqual(['old', 1]);
  broken = false;
  attempt.play(delta(3, put('a', 'new', '3')));
  await settle();
  expect([collection.get('a'), collection.quarantine.size]).toEqual(['new', 0]);
});

test('a value of which a part is good gives an item and a reason', async () => {
  const { watcher, source, common } = setUp();
  const collection = collect(watcher, {
    ...common,
    decode: (value, _key, reject) => {
      reject('the second half');
      return Buffer.from(value).toString().slice(0, 2);
    },
  });
  (await source.next()).play(snapshot('1', { a: 'good' }));
  const { items } = await collection.ready();
  expect([items.get('a'), collection.quarantine.get('a')?.reason]).toEqual(['go', 'the second half']);
});

test('views of one watcher share one watch; each has its own prefix and keys', async () => {
  const { watcher, source, common } = setUp();
  const { decode } = numbers();
  const all = collect(watcher, { ...common, decode });
  const routes = collect(watcher, { ...common, decode, prefix: 'routes/' });
  const attempt = await source.next();
  attempt.play(snapshot('1', { 'routes/a': '1', 'plugins/b': '2', routes: '3' }));
  await Promise.all([all.ready(), routes.ready()]);
  attempt.play(delta(2, put('plugins/b', '4', '2')));
  await settle();
  expect(source.attempts).toHaveLength(1);
  expect([...all.items.keys()]).toEqual(['plugins/b', 'routes', 'routes/a']);
  expect([...routes.items]).toEqual([['a', 1]]);
  expect([all.version, routes.version]).toEqual([2, 1]);
});

test('single: a named key, and the key of an exact watch', async () => {
  const { watcher, source, common } = setUp();
  const { decode } = numbers();
  const named = collect(watcher, { ...common, decode, single: 'limit' });
  const exact = collect(watcher, { ...common, decode, single: true });
  const attempt = await source.next();
  attempt.play(snapshot('1', { limit: '5', limits: '6' }));
  await Promise.all([named.ready(), exact.ready()]);
  expect([named.value, exact.value]).toEqual([5, undefined]);
  attempt.play(delta(2, put('limit', 'x', '2')), delta(3, put('', '7', '3')));
  await settle();
  expect([named.value, exact.value, named.quarantine.size]).toEqual([5, 7, 1]);
  attempt.play(delta(4, del('limit', '4')));
  await settle();
  expect([named.value, named.quarantine.size]).toEqual([undefined, 0]);
});

test('an asynchronous schema is awaited; batches stay in order', async () => {
  const { watcher, source, common } = setUp();
  const asked: (() => void)[] = [];
  const schema: StandardSchemaV1<unknown, string> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => {
        await new Promise<void>((resolve) => asked.push(resolve));
        return value === 'bad' ? { issues: [{ message: 'it is bad' }] } : { value: String(value) };
      },
    },
  };
  const collection = collect(watcher, { ...common, schema, format: 'text' });
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: 'one', b: 'bad' }));
  await settle();
  attempt.play(delta(2, put('a', 'two', '2')));
  await settle();
  expect([asked.length, collection.version]).toEqual([2, 0]);
  for (const answer of asked.splice(0)) answer();
  await settle();
  expect([collection.get('a'), [...collection.quarantine.keys()]]).toEqual(['one', ['b']]);
  for (const answer of asked.splice(0)) answer();
  await settle();
  expect(collection.get('a')).toBe('two');
});

test('S64 a flapping key is one version, and maxQuietMs bounds the wait', async () => {
  const { watcher, source, timing, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode, quietMs: 100, maxQuietMs: 250 });
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '0' }));
  await collection.ready();
  for (let i = 1; i <= 4; i++) {
    attempt.play(delta(1 + i, put('a', `${i}`, `${1 + i}`)));
    await timing.advance(50);
  }
  expect(collection.version).toBe(1);
  await timing.advance(49);
  expect(collection.version).toBe(1);
  await timing.advance(1);
  expect([collection.version, collection.get('a')]).toEqual([2, 4]);
  for (let i = 5; i <= 20; i++) {
    attempt.play(delta(1 + i, put('a', `${i}`, `${1 + i}`)));
    await timing.advance(50);
  }
  expect(collection.version).toBe(5);
});

test('a slow reader gets the newest version next; every version is immutable', async () => {
  const { watcher, source, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const reader = collection.versions();
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1' }));
  const first = await nextOf(reader);
  attempt.play(delta(2, put('a', '2', '2')), delta(3, put('a', '3', '3')));
  await settle();
  const last = await nextOf(reader);
  expect([first.items.get('a'), last.items.get('a'), last.version, last.revision]).toEqual([1, 3, 3, '3']);
});

test('the first version comes even if it is empty', async () => {
  const { watcher, source, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  expect(collection.version).toBe(0);
  (await source.next()).play(snapshot('1', {}));
  expect(await nextOf(collection[Symbol.asyncIterator]())).toMatchObject({ version: 1, revision: '1' });
});

test('return() and an abort end a reader that waits', async () => {
  const { watcher, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const reader = collection.versions();
  const waiting = reader.next();
  await reader.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  const aborting = new AbortController();
  const other = collection.versions({ signal: aborting.signal }).next();
  aborting.abort();
  expect((await other).done).toBe(true);
});

test('onChange tells of items and of quarantine; a listener that throws stops nobody', async () => {
  const { watcher, source, lines, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const seen: number[] = [];
  collection.onChange(() => {
    throw new Error('mine');
  });
  const stop = collection.onChange(() => seen.push(collection.quarantine.size));
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1' }), delta(2, put('a', 'x', '2')));
  await settle();
  expect([seen, collection.version]).toEqual([[0, 1], 1]);
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  stop();
  attempt.play(delta(3, put('a', '1', '3')));
  await settle();
  expect(seen).toHaveLength(2);
});

test('S62 close is idempotent, leaves the watcher open, and nothing is delivered after it', async () => {
  const { watcher, source, timing, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode, quietMs: 100 });
  const states: string[] = [];
  collection.onStatus(({ state }) => states.push(state));
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1' }));
  await collection.ready();
  attempt.play(delta(2, put('a', '2', '2')));
  await settle();
  const waiting = collection.versions();
  await waiting.next();
  const next = waiting.next();
  const late = collect(watcher, { ...common, single: 'nothing', decode: numbers().decode });
  await Promise.all([collection.close(), collection.close(), late.close()]);
  expect((await next).done).toBe(true);
  expect((await collection.versions().next()).done).toBe(true);
  await expect(collection.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  expect([timing.pending, states, watcher.status.state]).toEqual([0, ['live', 'closed'], 'live']);
  await timing.advance(1000);
  expect([collection.version, collection.get('a')]).toEqual([1, 1]);
});

test('S62 closing while a value is being decoded delivers nothing', async () => {
  const { watcher, source, common } = setUp();
  let answer = (_: number): void => {};
  const collection = collect(watcher, {
    ...common,
    decode: (): Promise<number> =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  });
  (await source.next()).play(snapshot('1', { a: '1' }));
  await settle();
  await collection.close();
  answer(1);
  await settle();
  expect([collection.version, collection.items.size]).toEqual([0, 0]);
});

test('a closed watcher closes its views', async () => {
  const { watcher, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const waiting = collection.ready();
  const rejected = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
  await watcher.close();
  await rejected;
  expect(collection.status.state).toBe('closed');
});

test('a collection of a watcher that failed stays failed, also when the watcher is swapped to a better place', async () => {
  const { watcher, source, common } = setUp();
  const items = collect(watcher, { decode: (bytes) => bytes, ...common });
  (await source.next()).play(new WatchError('UNAUTHENTICATED', 'no'));
  await settle();
  const swapping = watcher.swap('scripted:other/');
  (await source.next()).play(snapshot('1', { k: 'v' }));
  await swapping;
  expect(watcher.status.state).toBe('live');
  expect(items.status.state).toBe('failed');
  await expect(items.ready()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('S65 S66 a swap ends what the guard still held of the old backend', async () => {
  const { watcher, source, common, readAnew } = setUp();
  const items = collect(watcher, { decode: (bytes) => bytes, guard: true, ...common });
  const first = await source.next();
  first.play(snapshot('5', { a: '1@2', b: '1@2', c: '1@2', d: '1@2' }));
  await items.ready();
  (await readAnew(first)).play(snapshot('9', { a: '1@2' }));
  await settle();
  expect([...items.held]).toEqual(['b', 'c', 'd']);
  const swapping = watcher.swap('scripted:other/');
  (await source.next()).play(snapshot('1', { b: '2' }));
  await swapping;
  await settle();
  expect([...items.items.keys()]).toEqual(['b']);
  expect(items.held.size).toBe(0);
});

test('a fatal error before the first state rejects ready() and the iteration', async () => {
  const { watcher, source, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const reader = collection.versions();
  (await source.next()).play(new WatchError('UNAUTHENTICATED', 'who are you?'));
  await expect(collection.ready()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(reader.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await reader.next()).done).toBe(true);
  expect(collection.status.state).toBe('failed');
});

test('ready() times out with the last failure as its cause, and is cancelled by its signal', async () => {
  const { watcher, source, timing, common } = setUp();
  const collection = collect(watcher, { ...common, decode: numbers().decode });
  const late = expect(collection.ready({ timeoutMs: 500 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    cause: { code: 'UNREACHABLE' },
  });
  (await source.next()).play(new WatchError('UNREACHABLE', 'nobody there'));
  await timing.advance(500);
  await late;
  const reason = new Error('enough');
  await expect(collection.ready({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test.each([
  ['neither schema nor decode', {}],
  ['an unknown format', { schema: z.string(), format: 'yaml' }],
  ['prefix and single', { decode: (): number => 1, prefix: 'a/', single: 'b' }],
  ['a negative quiet period', { decode: (): number => 1, quietMs: -1 }],
])('bad options are refused: %s', (_, options) => {
  const { watcher } = setUp();
  // As a caller without types may pass them.
  const untyped = options as CollectOptions<unknown>;
  expect(() => collect(watcher, untyped)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});
