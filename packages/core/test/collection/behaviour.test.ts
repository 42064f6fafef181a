import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Collection, collect, derive, type ItemMap } from '../../src/index.js';
import { settle } from '../manualTiming.js';
import { type Attempt, del, put, type ScriptedSource, snapshot } from '../scriptedSource.js';
import { delta, setUp } from './harness.js';

const text = (value: Uint8Array): string => Buffer.from(value).toString();
const all = <T>(items: ItemMap<T>): Record<string, T> => Object.fromEntries(items);

async function nextFor(source: ScriptedSource, prefix: string): Promise<Attempt> {
  const attempt = await source.next();
  return attempt.target.prefix === prefix ? attempt : nextFor(source, prefix);
}

/** Two collections of one watcher, which hold what the backend has at revision 1. */
async function routesAndUpstreams(values: Record<string, string>) {
  const setting = setUp();
  const { watcher, source, common } = setting;
  const routes = collect(watcher, { ...common, prefix: 'routes/', decode: text });
  const upstreams = collect(watcher, { ...common, prefix: 'upstreams/', decode: text });
  const attempt = await source.next();
  attempt.play(snapshot('1', values));
  await Promise.all([routes.ready(), upstreams.ready()]);
  return { ...setting, routes, upstreams, attempt };
}

describe('folder markers', () => {
  const marked = { '': '', 'routes/': 'init_dir', 'routes/1': '{}', 'routes/sub/': '', routes: '{}' };
  test.each<[string, object, string[]]>([
    ['under the watcher', {}, ['routes', 'routes/1']],
    ['under a prefix', { prefix: 'routes/' }, ['1']],
    ['under a prefix without a slash: the key that equals it', { prefix: 'routes' }, ['/1']],
    ['that are asked for', { folders: true }, ['', 'routes', 'routes/', 'routes/1', 'routes/sub/']],
  ])('%s', async (_, options, keys) => {
    const { registry, source, common } = setUp();
    const collection = collect<unknown>(registry.watch('scripted:c/app/'), { ...common, decode: text, ...options });
    (await nextFor(source, 'app/')).play(snapshot('1', marked));
    await collection.ready();
    expect([...collection.items.keys()]).toEqual(keys);
    expect(collection.quarantine.size).toBe(0);
  });

  test('an exact key has none, and its item is shown', async () => {
    const { registry, source, common } = setUp();
    const collection = collect(registry.watch('scripted:c/mode'), { ...common, decode: text });
    (await nextFor(source, 'mode')).play(snapshot('1', { '': 'on' }));
    expect(all((await collection.ready()).items)).toEqual({ '': 'on' });
  });
});

describe('onItem', () => {
  test('takes the item, or what it is turned into; a throw is quarantine', async () => {
    const { watcher, source, common } = setUp();
    const seen: unknown[] = [];
    const collection: Collection<{ port: number } | number> = collect(watcher, {
      ...common,
      schema: z.object({ port: z.number() }),
      onItem: ({ port }, key) => {
        seen.push([key, port]);
        if (port === 3) throw new Error('not that port');
        return port === 2 ? 22 : undefined;
      },
    });
    (await source.next()).play(snapshot('1', { a: '{"port":1}', b: '{"port":2}', c: '{"port":3}', d: '{}' }));
    await collection.ready();
    expect(all(collection.items)).toEqual({ a: { port: 1 }, b: 22 });
    expect([...collection.quarantine].map(([key, { reason }]) => [key, reason])).toEqual([
      ['c', 'not that port'],
      ['d', expect.stringContaining('port')],
    ]);
    expect(seen).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
  });

  /** As a library with promises of its own has them. */
  const thenable = <T>(settle: (resolve: (value: T) => void, reject: (error: Error) => void) => void): PromiseLike<T> =>
    ({
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about
      then: (resolve: (value: T) => void, reject: (error: Error) => void) => settle(resolve, reject),
    }) as PromiseLike<T>;

  test.each([
    ['decode', { decode: (value: Uint8Array) => thenable((resolve) => resolve(text(value))) }],
    ['onItem', { decode: () => '', onItem: () => thenable<string>((resolve) => resolve('A')) }],
    [
      'schema',
      {
        format: 'text' as const,
        schema: {
          '~standard': {
            version: 1 as const,
            vendor: 'own',
            validate: (value: unknown) =>
              thenable<{ value: string }>((resolve) => resolve({ value: `${value}` })) as Promise<{ value: string }>,
          },
        },
      },
    ],
  ])('a thenable of any class is awaited: %s', async (_, options) => {
    const { watcher, source, common } = setUp();
    const collection = collect<string>(watcher, { ...common, ...options } as never);
    (await source.next()).play(snapshot('1', { a: 'A' }));
    expect(all((await collection.ready()).items)).toEqual({ a: 'A' });
  });

  test('a thenable that rejects is quarantine', async () => {
    const { watcher, source, common } = setUp();
    const onItem = () => thenable<string>((_, reject) => reject(new Error('no')));
    const collection = collect(watcher, { ...common, decode: text, onItem });
    (await source.next()).play(snapshot('1', { a: 'A' }));
    await collection.ready();
    expect(collection.quarantine.get('a')?.reason).toBe('no');
  });
});

describe('a version', () => {
  test('is not new when other bytes are the same data, and the item stays the same object', async () => {
    const { watcher, source, common } = setUp();
    const collection = collect(watcher, { ...common, schema: z.record(z.string(), z.unknown()) });
    const attempt = await source.next();
    attempt.play(snapshot('1', { a: '{"x":[1,{"y":null}]}', b: '{"x":1}' }));
    await collection.ready();
    const before = collection.get('a');
    attempt.play(delta(2, put('a', '{ "x": [1, {"y": null}] }', '2')));
    await settle();
    expect([collection.version, collection.get('a') === before]).toEqual([1, true]);
    attempt.play(delta(3, put('a', 'bad', '3')), delta(4, put('a', '{"x":[1,{"y":null}]}', '4')));
    await settle();
    expect([collection.version, collection.get('a') === before, collection.quarantine.size]).toEqual([1, true, 0]);
    attempt.play(delta(5, put('a', '{"x":[1,{"y":0}]}', '5')));
    await settle();
    expect(collection.version).toBe(2);
  });

  test('is new for an object that may hold what cannot be seen', async () => {
    const { watcher, source, common } = setUp();
    class Secret {
      readonly #value: string;
      constructor(value: string) {
        this.#value = value;
      }
      get value(): string {
        return this.#value;
      }
    }
    const collection = collect(watcher, { ...common, decode: (value) => ({ secret: new Secret(text(value)) }) });
    const attempt = await source.next();
    attempt.play(snapshot('1', { a: 'one' }));
    await collection.ready();
    attempt.play(delta(2, put('a', 'two', '2')));
    await settle();
    expect([collection.version, collection.get('a')?.secret.value]).toEqual([2, 'two']);
  });
});

describe('collections of one watcher', () => {
  test('read one watch, and show each state together', async () => {
    const { source, routes, upstreams, attempt } = await routesAndUpstreams({ 'routes/1': 'v1', 'upstreams/1': 'v1' });
    const seen: string[] = [];
    const look = (): void => void seen.push(`${routes.get('1')} ${upstreams.get('1')}`);
    for (const collection of [routes, upstreams]) collection.onChange(look);
    for (let i = 2; i < 20; i++) {
      attempt.play(delta(i, put('routes/1', `v${i}`, `${i}`), put('upstreams/1', `v${i}`, `${i}`)));
      if (i % 3 === 0) await settle();
    }
    await settle();
    expect(seen.length).toBeGreaterThan(0);
    for (const both of seen) expect(both).toMatch(/^(v\d+) \1$/);
    expect(seen.at(-1)).toBe('v19 v19');
    expect(source.attempts).toHaveLength(1);
  });

  test('wait for a slow decoder among them', async () => {
    const { watcher, source, common } = setUp();
    let go = (): void => {};
    const slow = collect(watcher, {
      ...common,
      prefix: 'a/',
      decode: (value) =>
        text(value) === 'v1' ? 'v1' : new Promise<string>((resolve) => (go = () => resolve(text(value)))),
    });
    const quick = collect(watcher, { ...common, prefix: 'b/', decode: text });
    const attempt = await source.next();
    attempt.play(snapshot('1', { 'a/1': 'v1', 'b/1': 'v1' }));
    await Promise.all([slow.ready(), quick.ready()]);
    attempt.play(delta(2, put('a/1', 'v2', '2'), put('b/1', 'v2', '2')));
    await settle();
    expect([slow.get('1'), quick.get('1')]).toEqual(['v1', 'v1']);
    go();
    await settle();
    expect([slow.get('1'), quick.get('1')]).toEqual(['v2', 'v2']);
  });

  test('do not wait for one that is closed while its decoder hangs', async () => {
    const { watcher, source, common } = setUp();
    const hangs = collect(watcher, { ...common, prefix: 'a/', decode: () => new Promise<string>(() => {}) });
    const other = collect(watcher, { ...common, prefix: 'b/', decode: text });
    (await source.next()).play(snapshot('1', { 'a/1': 'v1', 'b/1': 'v1' }));
    await settle();
    expect(other.version).toBe(0);
    await hangs.close();
    await settle();
    expect(other.get('1')).toBe('v1');
  });

  test('are one group, also when another group of the watcher has just ended', async () => {
    const { watcher, routes, upstreams, attempt, common } = await routesAndUpstreams({ 'a/1': 'v1' });
    await Promise.all([routes.close(), upstreams.close()]);
    const quick = collect(watcher, { ...common, prefix: 'a/', decode: text });
    await quick.ready();
    await settle();
    let go = (): void => {};
    const decode = (value: Uint8Array) =>
      text(value) === 'v1' ? 'v1' : new Promise<string>((resolve) => (go = () => resolve(text(value))));
    const slow = collect(watcher, { ...common, prefix: 'a/', decode });
    await slow.ready();
    attempt.play(delta(2, put('a/1', 'v2', '2')));
    await settle();
    expect([quick.get('1'), slow.get('1')]).toEqual(['v1', 'v1']);
    go();
    await settle();
    expect([quick.get('1'), slow.get('1')]).toEqual(['v2', 'v2']);
  });

  test('one that comes later begins with the present state, and one that goes takes nothing along', async () => {
    const { watcher, routes, upstreams, attempt, common } = await routesAndUpstreams({ 'routes/1': 'v1' });
    const late = collect(watcher, { ...common, prefix: 'routes/', decode: text });
    const only = collect(watcher, { ...common, single: 'routes/1', decode: text });
    await Promise.all([routes.close(), upstreams.close()]);
    expect(all((await late.ready()).items)).toEqual({ 1: 'v1' });
    attempt.play(delta(2, put('routes/1', 'v2', '2'), put('routes/2', 'v2', '2')));
    await settle();
    expect(all(late.items)).toEqual({ 1: 'v2', 2: 'v2' });
    expect([only.value, late.version, routes.get('1')]).toEqual(['v2', 2, 'v1']);
    await watcher.close();
    await settle();
    expect([late.status.state, only.status.state]).toEqual(['closed', 'closed']);
  });
});

describe('each', () => {
  /** Objects as they are built of texts, and which were disposed of. */
  async function built(values: Record<string, string>) {
    const setting = await routesAndUpstreams(values);
    const log: string[] = [];
    const pools = setting.upstreams.each(
      (item, key) => {
        log.push(`+${key}=${item}`);
        return { of: item };
      },
      ({ of }, key) => void log.push(`-${key}=${of}`),
    );
    return { ...setting, pools, log };
  }

  test('keeps an object while its item is unchanged, and disposes of it when the item changed or went', async () => {
    const { pools, log, attempt } = await built({ 'upstreams/a': '1', 'upstreams/b': '1', 'upstreams/c': '1' });
    const [a, b] = [pools.get('a'), pools.get('b')];
    expect([a?.value, pools.get('none')]).toEqual([{ of: '1' }, undefined]);
    attempt.play(delta(2, put('upstreams/b', '2', '2'), put('upstreams/c', '2', '2'), put('routes/1', 'x', '2')));
    await settle();
    await turn();
    expect(pools.get('a')).toBe(a);
    expect(pools.get('b')).not.toBe(b);
    attempt.play(delta(3, del('upstreams/a', '3')));
    await settle();
    await turn();
    expect(pools.get('a')).toBeUndefined();
    expect(log).toEqual(['+a=1', '+b=1', '-b=1', '+b=2', '-a=1']);
  });

  test('an object in use outlives its item until it is free', async () => {
    const { pools, log, attempt } = await built({ 'upstreams/a': '1' });
    const old = pools.get('a');
    const free = [old?.use(), old?.use()];
    attempt.play(delta(2, put('upstreams/a', '2', '2')));
    await settle();
    await turn();
    expect(pools.get('a')?.value).toEqual({ of: '2' });
    free[0]?.();
    free[0]?.();
    expect(log).toEqual(['+a=1', '+a=2']);
    free[1]?.();
    expect(log).toEqual(['+a=1', '+a=2', '-a=1']);
    expect(() => old?.use()).toThrow('disposed of');
  });

  test('a build that throws is tried again; a dispose that throws is logged; closing disposes of the rest', async () => {
    const { upstreams, lines } = await routesAndUpstreams({ 'upstreams/a': '1' });
    let fails = true;
    const pools = upstreams.each(
      (item) => {
        if (fails) throw new Error('no sockets');
        return item;
      },
      () => Promise.reject(new Error('stuck')),
    );
    expect(() => pools.get('a')).toThrow('no sockets');
    fails = false;
    expect(pools.get('a')?.value).toBe('1');
    await upstreams.close();
    await turn();
    await settle();
    expect(pools.get('a')).toBeUndefined();
    expect(lines).toMatchObject([{ level: 'error', fields: { key: 'a', err: { message: 'stuck' } } }]);
  });
});

describe('derive', () => {
  test('builds on first use, at most once for each combination of versions', async () => {
    const { routes, upstreams, attempt } = await routesAndUpstreams({ 'routes/1': 'v1', 'upstreams/1': 'v1' });
    const builds: object[] = [];
    const both = derive([routes, upstreams], (r, u) => {
      builds.push([all(r), all(u)]);
      return `${r.get('1')}${u.get('1')}`;
    });
    expect([both.value, builds.length]).toEqual([undefined, 0]);
    expect(await Promise.all([both.get(), both.get()])).toEqual(['v1v1', 'v1v1']);
    expect(builds).toHaveLength(1);
    attempt.play(delta(2, put('other', 'x', '2')), delta(3, put('routes/1', 'v3', '3'), put('upstreams/1', 'v3', '3')));
    await settle();
    expect([both.value, builds.length]).toEqual(['v1v1', 1]);
    expect([await both.get(), await both.get(), builds.length]).toEqual(['v3v3', 'v3v3', 2]);
  });

  test('an asynchronous build is shared by those who ask meanwhile; what is newer is built after it, once', async () => {
    const { routes, attempt } = await routesAndUpstreams({ 'routes/1': 'v1' });
    const waiting: (() => void)[] = [];
    const slow = derive([routes], (items) => {
      const { promise, resolve } = withResolvers<string | undefined>();
      waiting.push(() => resolve(items.get('1')));
      return promise;
    });
    const first = [slow.get(), slow.get()];
    await settle();
    attempt.play(delta(2, put('routes/1', 'v2', '2')));
    await settle();
    const later = [slow.get(), slow.get()];
    await settle();
    expect(waiting).toHaveLength(1);
    waiting[0]?.();
    expect(await Promise.all(first)).toEqual(['v1', 'v1']);
    await settle();
    expect(waiting).toHaveLength(2);
    waiting[1]?.();
    expect(await Promise.all(later)).toEqual(['v2', 'v2']);
  });

  test('a build that throws leaves the last good value, tells, and is not tried again for the same versions', async () => {
    const { routes, attempt, lines, common } = await routesAndUpstreams({ 'routes/1': 'bad' });
    const told: unknown[] = [];
    const build = (items: ItemMap<string>): string => {
      if (items.get('1') === 'bad') throw new Error(`bad build ${told.length + 1}`);
      return items.get('1') ?? 'none';
    };
    const value = derive([routes], build, { ...common, onError: (error) => void told.push(error) });
    await expect(value.get()).rejects.toThrow('bad build 1');
    await expect(value.get()).rejects.toThrow('bad build 1');
    attempt.play(delta(2, put('routes/1', 'good', '2')));
    await settle();
    expect([await value.get(), value.error]).toEqual(['good', undefined]);
    attempt.play(delta(3, put('routes/1', 'bad', '3')));
    await settle();
    expect([await value.get(), await value.get(), value.error]).toEqual(['good', 'good', new Error('bad build 2')]);
    expect(told).toHaveLength(2);
    expect(lines.map(({ level, message }) => [level, message.includes('last good one stays')])).toEqual([
      ['error', true],
      ['error', true],
    ]);
  });

  test('waits for the first state of each, as long as it is told to', async () => {
    const { watcher, source, timing, common } = setUp();
    const value = derive([collect(watcher, { ...common, decode: text })], all);
    const late = expect(value.get({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await timing.advance(50);
    await late;
    const soon = value.get();
    (await source.next()).play(snapshot('1', { a: 'A' }));
    expect(await soon).toEqual({ a: 'A' });
  });
});

test('of 10,000 items one that changed is decoded, and one that did not keeps its object', async () => {
  const { watcher, source, common } = setUp();
  let decoded = 0;
  const collection = collect(watcher, { ...common, decode: (value) => ({ n: decoded++, is: text(value) }) });
  const values = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, `v${i}`]));
  const attempt = await source.next();
  attempt.play(snapshot('1', values));
  await collection.ready();
  const before = collection.items;
  attempt.play(delta(2, put('k77', 'new', '2')));
  await settle();
  expect([decoded, collection.version, collection.get('k77')?.is]).toEqual([10_001, 2, 'new']);
  const others = [...collection.items].filter(([key, item]) => before.get(key) !== item);
  expect(others.map(([key]) => key)).toEqual(['k77']);
});

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settled) => {
    resolve = settled;
  });
  return { promise, resolve };
}
