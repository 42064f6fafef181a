import { randomBytes } from 'node:crypto';
import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry, systemTiming } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { del, kvOf, put, RequestCount, textOf, Watching } from '../faults/consul-watching.js';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';

let consul: Consul;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(() => consul[Symbol.asyncDispose]());

let prefixes = 0;
/** A prefix of its own for each test. */
const fresh = (): string => `kv${prefixes++}/`;
const urlOf = (path: string): string =>
  `consul://${consul.endpoint}/${path.split('/').map(encodeURIComponent).join('/')}`;
const started = (path: string) => Watching.started(urlOf(path));

function openSource() {
  const adapter = createConsulAdapter();
  return adapter.open(adapter.parse(`consul://${consul.endpoint}/`), { logger: silentLogger, timing: systemTiming });
}

async function kvIndex(prefix: string): Promise<number> {
  return Number((await consul.http(`/v1/kv/${prefix}?recurse`)).headers['x-consul-index']);
}

describe('what is watched', () => {
  test('S01 an empty prefix is a whole, valid, empty state; then keys come and go', async () => {
    const prefix = fresh();
    await using watching = await started(prefix);
    expect(watching.batches[0]).toMatchObject({ cause: 'initial', changes: [] });
    expect(watching.state).toBe('live');
    await put(consul, `${prefix}a`, '1');
    await watching.value('a', '1');
    await put(consul, `${prefix}a`, '2');
    await watching.value('a', '2');
    await watching.expectServersState(consul);
    expect(watching.told).toEqual(['put a', 'put a']);
    expect(watching.batches.slice(1).map(({ cause }) => cause)).toEqual(['delta', 'delta']);
  });

  test('S03 a prefix matches literally, whatever is in it', async () => {
    const root = fresh();
    const names = [
      'a',
      'a-',
      'ab',
      'a/',
      'a/b',
      'a%/x',
      'a%25/x',
      'a /x',
      'a+/x',
      'ü/x',
      '😀/x',
      'a?b#c&d=e/x',
      'a/...',
    ];
    for (const name of names) await put(consul, root + name, name);
    for (const prefix of ['a/', 'a%/', 'a%25/', 'a /', 'a+/', 'ü/', '😀/', 'a?b#c&d=e/', '']) {
      await using watching = await started(root + prefix);
      const expected = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
      expect([...watching.model.keys()].sort()).toEqual(expected.sort());
      await watching.expectServersState(consul);
    }
  });

  test('S03 `prefix:` is literal text: `a` matches `ab`; an empty one sees all', async () => {
    const root = fresh();
    for (const name of ['a', 'ab', 'b']) await put(consul, root + name);
    const registry = createRegistry({ adapters: [createConsulAdapter()] });
    const watcher = registry.watch(urlOf(root), { prefix: `${root}a` });
    expect([...(await watcher.ready()).entries].map(([key]) => key)).toEqual(['', 'b']);
    const all = registry.watch(urlOf(''));
    expect((await all.ready()).entries.has(`${root}b`)).toBe(true);
    const lead = registry.watch(`consul://${consul.endpoint}//${root}`);
    await put(consul, `/${root}x`, 'led');
    await expect.poll(() => textOf(lead.snapshot?.entries.get('x'))).toBe('led');
    await registry.close();
  });

  test('an exact key: there, changed, gone (404), there again', async () => {
    const prefix = fresh();
    await put(consul, `${prefix}key-and-more`, 'other');
    await using watching = await started(`${prefix}key`);
    expect(watching.model.size).toBe(0);
    await put(consul, `${prefix}key`, '1');
    await watching.value('', '1');
    await del(consul, `${prefix}key`);
    await watching.until('the delete', () => watching.model.size === 0);
    await put(consul, `${prefix}key`, '2');
    await watching.value('', '2');
    expect(watching.told).toEqual(['put ', 'delete ', 'put ']);
  });

  test('S04 an empty value, NUL, binary and 512 KiB are byte-equal', async () => {
    const prefix = fresh();
    const values = new Map<string, Buffer>([
      ['empty', Buffer.alloc(0)],
      ['nul', Buffer.from('a\0b')],
      ['binary', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
      ['large', randomBytes(512 * 1024)],
    ]);
    await using source = openSource();
    for (const [name, value] of values) await source.write?.put(prefix + name, value);
    await using watching = await started(prefix);
    expect(watching.model.size).toBe(values.size);
    for (const [name, value] of values) {
      expect(Buffer.compare(watching.model.get(name)?.value ?? Buffer.from('missing'), value)).toBe(0);
    }
    await watching.expectServersState(consul);
  });

  test('S12 the key equal to the prefix is an entry', async () => {
    const prefix = fresh();
    await put(consul, prefix, 'folder');
    await put(consul, `${prefix}a`, '1');
    await using watching = await started(prefix);
    expect([...watching.model.keys()]).toEqual(['', 'a']);
    expect(textOf(watching.model.get(''))).toBe('folder');
  });

  test('S12 Consul itself cannot tell keys apart that are not UTF-8: it gives each as U+FFFD, so they are refused here', async () => {
    const prefix = fresh();
    for (const byte of ['ff', 'fe']) await consul.http(`/v1/kv/${prefix}%${byte}`, { method: 'PUT', body: byte });
    expect(JSON.parse((await consul.http(`/v1/kv/${prefix}?keys`)).body)).toEqual([
      `${prefix}\ufffd`,
      `${prefix}\ufffd`,
    ]);
    await using source = openSource();
    await expect(source.write?.put(`${prefix}\udcff`, Buffer.from('x'))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('not UTF-8'),
    });
    // They do no harm to others.
    await put(consul, `${prefix}a`, '1');
    await using watching = await started(prefix);
    expect(textOf(watching.model.get('a'))).toBe('1');
  });

  test('Consul cleans keys like paths, so what it would read as another key is refused here', async () => {
    const prefix = fresh();
    await put(consul, `${prefix}a//b`, '1');
    expect(Object.keys(await kvOf(consul, prefix))).toEqual(['a/b']);
    await using source = openSource();
    for (const key of [`${prefix}a//b`, `${prefix}./b`, `${prefix}../b`, '//b']) {
      await expect(source.write?.put(key, Buffer.from('x'))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
  });
});

describe('what is told', () => {
  test('S06 a resync with nothing changed: same objects, same version, no batch', async () => {
    const prefix = fresh();
    for (const name of ['a', 'b']) await put(consul, prefix + name, name);
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/${prefix}`);
    const { snapshot, version } = watching.watcher;
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    await proxy.resume();
    await watching.live();
    expect(watching.watcher.version).toBe(version);
    expect(watching.watcher.snapshot?.entries).toBe(snapshot?.entries);
    expect(watching.batches).toHaveLength(1);
  });

  test('S07 a resync of deletes alone: version moves, deletes have their last value and are synthetic', async () => {
    const prefix = fresh();
    for (const name of ['a', 'b', 'c']) await put(consul, prefix + name, `value of ${name}`);
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/${prefix}`);
    const { version } = watching.watcher;
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    for (const name of ['a', 'c']) await del(consul, prefix + name);
    await proxy.resume();
    await watching.until('the deletes', () => watching.batches.length === 2);
    expect(watching.watcher.version).toBe(version + 1);
    const [, batch] = watching.batches;
    expect(batch?.cause).toBe('resync');
    expect(batch?.changes.map((change) => [change.type, change.key, textOf(change.previous)])).toEqual([
      ['delete', 'a', 'value of a'],
      ['delete', 'c', 'value of c'],
    ]);
    expect(batch?.changes.every((change) => change.type === 'delete' && change.synthetic)).toBe(true);
    await watching.expectServersState(consul);
  });

  test('S11 two watchers of one prefix share one blocking query, and closing one leaves the other', async () => {
    const prefix = fresh();
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/${prefix}`);
    const other = watching.registry.watch(`consul://${proxy.endpoint}/${prefix}`);
    await other.ready();
    await put(consul, `${prefix}a`, '1');
    await watching.value('a', '1');
    await expect.poll(() => textOf(other.snapshot?.entries.get('a'))).toBe('1');
    expect(proxy.connections.total).toBe(1);
    await other.close();
    await put(consul, `${prefix}a`, '2');
    await watching.value('a', '2');
    expect(proxy.connections.total).toBe(1);
  });

  test('S47 the last key is deleted, then the first comes back', async () => {
    const prefix = fresh();
    await put(consul, `${prefix}a`, '1');
    await using watching = await started(prefix);
    await del(consul, `${prefix}a`);
    await watching.until('the delete', () => watching.model.size === 0);
    await put(consul, `${prefix}b`, '2');
    await watching.value('b', '2');
    expect(watching.told).toEqual(['delete a', 'put b']);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
    await watching.expectServersState(consul);
  });

  test('a delete among other keys is seen, though it raises no ModifyIndex, and is not spun on', async () => {
    const prefix = fresh();
    for (const name of ['a', 'b']) await put(consul, prefix + name, name);
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/${prefix}`);
    await del(consul, `${prefix}a`);
    await watching.until('the delete', () => watching.told.length === 1);
    await watching.expectServersState(consul);
    // Blocking on the largest ModifyIndex would answer at once from now on. This blocks for a second, as the watch does.
    const requests = new RequestCount(proxy.port);
    await consul.http(`/v1/kv/${prefix}?recurse&index=${await kvIndex(prefix)}&wait=1s`);
    expect(requests.stop()).toBeLessThanOrEqual(1);
    expect(watching.told).toEqual(['delete a']);
  });

  test('S48 a same-value write, and writes elsewhere that wake an empty prefix: no batch', async () => {
    const prefix = fresh();
    const empty = fresh();
    await put(consul, `${prefix}a`, '1');
    await using watching = await started(prefix);
    await using idle = await started(empty);
    await put(consul, `${prefix}a`, '1');
    for (let i = 0; i < 5; i++) await put(consul, 'elsewhere', String(i));
    await put(consul, `${prefix}b`, 'end');
    await put(consul, `${empty}b`, 'end');
    await watching.value('b', 'end');
    await idle.value('b', 'end');
    expect([watching.told, idle.told]).toEqual([['put b'], ['put b']]);
  });

  test('deleted and created anew between two answers: a put, with another createRevision', async () => {
    const prefix = fresh();
    await put(consul, `${prefix}a`, '1');
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/${prefix}`);
    const before = watching.model.get('a');
    proxy.stall();
    await del(consul, `${prefix}a`);
    await put(consul, `${prefix}a`, '1');
    await proxy.resume();
    await watching.until('the change', () => watching.model.get('a') !== before);
    expect(watching.model.get('a')?.createRevision).not.toBe(before?.createRevision);
    await watching.expectServersState(consul);
  });

  test('S63 a key that is written all the time: few requests, and the last value at once', async () => {
    const prefix = fresh();
    await using proxy = await startProxy(consul);
    const began = performance.now();
    const requests = new RequestCount(proxy.port);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/${prefix}`);
    let writes = 0;
    const writer = async (): Promise<void> => {
      while (performance.now() - began < 3_000) await put(consul, `${prefix}hot`, String(writes++));
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    await put(consul, `${prefix}hot`, 'last');
    const lastWritten = performance.now();
    await watching.value('hot', 'last');
    const lateMs = performance.now() - lastWritten;
    const seconds = (performance.now() - began) / 1000;
    expect(lateMs).toBeLessThan(250);
    expect(writes).toBeGreaterThan(300);
    expect(requests.stop()).toBeLessThanOrEqual(5 + 10 * seconds);
    expect(watching.batches.length).toBeGreaterThan(5 * seconds);
    expect(proxy.connections.total).toBe(1);
  });
});

describe('reads and writes', () => {
  test('a write says where it can be read; a delete says whether there was something', async () => {
    const prefix = fresh();
    await using source = openSource();
    const { signal } = new AbortController();
    const revision = await source.write?.put(`${prefix}a b`, Buffer.from('1'));
    const read = await source.read?.({ prefix }, { signal });
    expect([...(read?.entries ?? [])]).toEqual([
      ['a b', { value: new Uint8Array(Buffer.from('1')), revision, createRevision: revision }],
    ]);
    await expect(source.write?.put(`${prefix}a b`, Buffer.from('1'))).resolves.toBe(revision);
    await expect(source.write?.delete(`${prefix}a b`)).resolves.toBe(true);
    await expect(source.write?.delete(`${prefix}a b`)).resolves.toBe(false);
    expect(await kvOf(consul, prefix)).toEqual({});
  });

  test('what Consul cannot do is refused, with what to do instead', async () => {
    await using source = openSource();
    const value = Buffer.from('x');
    await expect(source.write?.put('a', value, { ttlMs: 1 })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(source.write?.put('a', value, { lease: '1' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(source.write?.put('a', value, { ignoreValue: true })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(source.write?.put('', value)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test.each([512 * 1024 + 1, 20_000_000])('S04 a value of %i bytes is too large: a clear error', async (size) => {
    await using source = openSource();
    await expect(source.write?.put('large', Buffer.alloc(size))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('kv_max_value_size'),
    });
  });

  test('another datacenter is where reads and writes go, too', async () => {
    const adapter = createConsulAdapter();
    const location = adapter.parse(`consul://${consul.endpoint}/?dc=nowhere`);
    await using source = adapter.open(location, { logger: silentLogger, timing: systemTiming });
    const unknown = { code: 'UNAVAILABLE', message: expect.stringContaining('check dc') };
    await expect(source.read?.(location.target, { signal: new AbortController().signal })).rejects.toMatchObject(
      unknown,
    );
    await expect(source.write?.put('a', Buffer.from('x'))).rejects.toMatchObject(unknown);
  });

  test.each(['namespace', 'partition'])('%s reaches Consul, which has none in this edition', async (name) => {
    await using watching = new Watching(`consul://${consul.endpoint}/?${name}=x`);
    await expect(watching.watcher.ready()).rejects.toMatchObject({
      code: 'INVALID_URL',
      message: expect.stringMatching(new RegExp(`${name}s are a Consul Enterprise feature`, 'i')),
    });
  });
});
