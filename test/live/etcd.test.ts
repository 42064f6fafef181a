import { keyFromBytes } from '@rollcall/core';
import type { Source } from '@rollcall/core/adapter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSource, put, readable, stateAt, Watching } from '../faults/etcd-watching.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { compact } from '../support/etcd-maintenance.js';

const { signal } = new AbortController();
let etcd: Etcd;
let source: Source;

beforeAll(async () => {
  etcd = await startEtcd();
  source = openSource(`etcd://${etcd.endpoint}/`).source;
});

afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await etcd[Symbol.asyncDispose]();
});

function reader() {
  if (source.read === undefined) throw new Error('no read');
  return source.read.bind(source);
}

function writer() {
  if (source.write === undefined) throw new Error('no write');
  return source.write;
}

describe('what is watched', () => {
  test('S03 a prefix is literal bytes; an exact key is itself alone; an empty path is everything', async () => {
    for (const key of ['p/', 'p/a', 'p', 'pa', 'p0', 'p/-% é']) await put(etcd, key, key);
    const keysOf = async (path: string) => {
      await using watching = new Watching(`etcd://${etcd.endpoint}/${path}`);
      const { entries } = await watching.watcher.ready();
      return [...entries].map(([key]) => key);
    };
    expect(await keysOf('p/')).toEqual(['', '-% é', 'a']);
    expect(await keysOf('p')).toEqual(['']);
    expect(await keysOf('p/a')).toEqual(['']);
    expect(await keysOf('')).toEqual(expect.arrayContaining(['p', 'p/', 'p/a', 'pa']));
  });

  test('an exact key: its put and delete are told, its neighbours are not', async () => {
    await using watching = new Watching(`etcd://${etcd.endpoint}/exact`);
    await watching.watcher.ready();
    await put(etcd, 'exact/child', 'x');
    await put(etcd, 'exactly', 'x');
    await watching.untilRevision(await put(etcd, 'exact', 'y'));
    expect(watching.changes.map(({ type, key }) => [type, key])).toEqual([['put', '']]);
    await etcd.etcdctl(['del', 'exact']);
    await watching.until('the delete', () => watching.model.size === 0);
  });

  test('S03 S12 prefixes that end in 0xff, keys that are not UTF-8: exact and distinct', async () => {
    const byGateway = async (hex: string) => {
      const body = JSON.stringify({ key: Buffer.from(hex, 'hex').toString('base64'), value: '' });
      await fetch(`http://${etcd.endpoint}/v3/kv/put`, { method: 'POST', body });
    };
    for (const hex of ['712fff', '712fff41', '712ffffe', '712ffe', '7130', 'ffff41', 'ffff']) await byGateway(hex);
    const hexOf = async (prefixHex: string) => {
      const prefix = keyFromBytes(Buffer.from(prefixHex, 'hex'));
      const { entries } = await reader()({ prefix }, { signal });
      return [...entries].map(([key]) => key);
    };
    expect(await hexOf('712fff')).toEqual(['', 'A', '\udcfe']);
    expect(await hexOf('712f')).toEqual(['\udcfe', '\udcff', '\udcffA', '\udcff\udcfe']);
    expect(await hexOf('ffff')).toEqual(['', 'A']);
  });

  test('S04 an empty value, NUL, binary and 1 MB are byte-equal, in the list and in deltas', async () => {
    const values: Record<string, Uint8Array> = {
      'v/empty': new Uint8Array(),
      'v/nul': Uint8Array.of(0),
      'v/binary': Uint8Array.from({ length: 256 }, (_, i) => i),
      'v/large': new Uint8Array(1_000_000).fill(0xff),
    };
    await using watching = new Watching(`etcd://${etcd.endpoint}/v/`);
    await watching.watcher.ready();
    let revision = '';
    for (const [key, value] of Object.entries(values)) revision = await writer().put(key, value);
    await watching.untilRevision(revision);
    const { entries } = await reader()({ prefix: 'v/' }, { signal });
    for (const state of [new Map(entries), watching.model]) {
      expect([...state.keys()].sort()).toEqual(['binary', 'empty', 'large', 'nul']);
      for (const [key, { value }] of state)
        expect(Buffer.compare(value, values[`v/${key}`] ?? Buffer.of(1)), key).toBe(0);
    }
  });

  test('a list of many pages is what the server has', async () => {
    const large = 'x'.repeat(100_000);
    for (let i = 0; i < 8; i++) await put(etcd, `m/large${i}`, large);
    const many = Array.from({ length: 1_500 }, (_, i) => writer().put(`m/${i}`, Buffer.from(String(i))));
    await Promise.all(many);
    const { revision, entries } = await reader()({ prefix: 'm/' }, { signal });
    expect(readable(entries)).toEqual(await stateAt(etcd, { prefix: 'm/', revision }));
  });
});

describe('read', () => {
  test('at a revision, and keys only', async () => {
    const first = await put(etcd, 'r/1', 'one');
    await put(etcd, 'r/1', 'two');
    await put(etcd, 'r/2', 'x');
    const then = await reader()({ prefix: 'r/' }, { signal, at: first });
    expect(then.revision).toBe(first);
    expect(readable(then.entries)).toEqual({ 1: `one @${first} created ${first}` });
    const keys = await reader()({ prefix: 'r/' }, { signal, keysOnly: true });
    expect(Array.from(keys.entries, ([key, { value }]) => [key, value.length])).toEqual([
      ['1', 0],
      ['2', 0],
    ]);
  });

  test('at a revision that is compacted, still to come, or none', async () => {
    const first = await put(etcd, 'r/1', 'x');
    await compact(etcd, await put(etcd, 'r/1', 'y'));
    const at = (revision: string) => reader()({ prefix: 'r/' }, { signal, at: revision });
    await expect(at(first)).rejects.toMatchObject({ code: 'COMPACTED' });
    await expect(at('999999')).rejects.toMatchObject({ code: 'ROLLED_BACK' });
    for (const wrong of ['', '0', '-1', '1.5', 'one', '9223372036854775808']) {
      await expect(at(wrong)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
  });

  test('an abort ends a read with its reason', async () => {
    const controller = new AbortController();
    const pending = reader()({ prefix: 'r/' }, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
  });
});

describe('write', () => {
  test('a put tells its revision, a delete whether the key was there', async () => {
    const revision = await writer().put('w/\udcff', Buffer.from('x'));
    expect(await stateAt(etcd, { prefix: 'w/' })).toEqual({ '\udcff': `x @${revision} created ${revision}` });
    expect(await writer().delete('w/\udcff')).toBe(true);
    expect(await writer().delete('w/\udcff')).toBe(false);
    expect(await stateAt(etcd, { prefix: 'w/' })).toEqual({});
  });

  test('with a time to live the key is under a lease of its own', async () => {
    await writer().put('w/ttl', Buffer.from('x'), { ttlMs: 59_001 });
    const { kvs } = JSON.parse(await etcd.etcdctl(['get', 'w/ttl', '-w', 'json']));
    const lease = BigInt(/"lease":(\d+)/.exec(await etcd.etcdctl(['get', 'w/ttl', '-w', 'json']))?.[1] ?? 0);
    expect(kvs).toHaveLength(1);
    expect(await etcd.etcdctl(['lease', 'timetolive', lease.toString(16)])).toContain('TTL(60s)');
  });

  test("under a given lease, named as etcdctl names it; revoked, the key's gone", async () => {
    const lease = /lease (\w+) granted/.exec(await etcd.etcdctl(['lease', 'grant', '600']))?.[1] ?? '';
    await writer().put('w/leased', Buffer.from('x'), { lease });
    await etcd.etcdctl(['lease', 'revoke', lease]);
    expect(await stateAt(etcd, { prefix: 'w/leased' })).toEqual({});
    await expect(writer().put('w/leased', Buffer.from('x'), { lease })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('what cannot be written is refused by name', async () => {
    const value = Buffer.from('x');
    const refused = (pending: Promise<unknown>, field: string) =>
      expect(pending).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(field) });
    await refused(writer().put('', value), 'key');
    await refused(writer().delete(''), 'key');
    await refused(writer().put('w/1', value, { lease: 'xyz' }), 'lease');
    await refused(writer().put('w/1', value, { ttlMs: 0 }), 'ttlMs');
    await refused(writer().put('w/1', value, { ttlMs: 1_000, lease: '1' }), 'ttlMs');
    await refused(writer().put('w/1', value, { ignoreValue: true }), 'ignoreValue');
    await refused(writer().put('w/1', new Uint8Array(2_000_000)), '--max-request-bytes');
  });
});
