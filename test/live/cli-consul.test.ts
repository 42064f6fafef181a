import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonLine, Program } from '../support/cli.js';
import { type Consul, startConsul } from '../support/consul.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { temporaryRoot } from '../support/reaper.js';

let consul: Consul;
let etcd: Etcd;

beforeAll(async () => {
  [consul, etcd] = await Promise.all([startConsul(), startEtcd()]);
});

afterAll(async () => {
  await Promise.all([consul[Symbol.asyncDispose](), etcd[Symbol.asyncDispose]()]);
});

const synced = ({ type }: JsonLine): boolean => type === 'synced';
const url = (path: string): string => `consul://${consul.endpoint}/${path}`;
/** As curl does it. */
const put = (key: string, body: string) => consul.http(`/v1/kv/${key}`, { method: 'PUT', body });
const del = (key: string) => consul.http(`/v1/kv/${key}`, { method: 'DELETE' });
const seen = (lines: readonly JsonLine[]): string[] =>
  lines.filter(({ key }) => key !== undefined).map(({ type, key, value }) => [type, key, value].join(' ').trim());

describe('rollcall on Consul', () => {
  test("S47 tail follows puts and deletes, the last key's deletion and the first key's return", async () => {
    await put('tail/a', 'one');
    await using tail = Program.rollcall(['tail', url('tail/')]);
    await tail.untilLine(synced);
    await put('tail/b', 'two');
    await tail.untilLine(({ value }) => value === 'two');
    await del('tail/a');
    await tail.untilLine(({ type, key }) => type === 'delete' && key === 'tail/a');
    await del('tail/b');
    await tail.untilLine(({ type, key }) => type === 'delete' && key === 'tail/b');
    await put('tail/c', 'three');
    const lines = await tail.untilLine(({ value }) => value === 'three');
    expect(seen(lines)).toEqual([
      'put tail/a one',
      'put tail/b two',
      'delete tail/a',
      'delete tail/b',
      'put tail/c three',
    ]);
    expect(lines.filter(({ type }) => type === 'delete').every(({ synthetic }) => synthetic)).toBe(true);
  });

  test('S23 tail survives kill -9 of the agent: stale and live told, nothing twice', async () => {
    await put('kill/a', '1');
    await using tail = Program.rollcall(['tail', url('kill/')]);
    await tail.untilLine(synced);
    await consul.kill9();
    await tail.untilLine(({ state }) => state === 'stale');
    await consul.restart();
    await tail.untilLine(({ state }) => state === 'live');
    await put('kill/a', '2');
    const lines = await tail.untilLine(({ value }) => value === '2');
    expect(seen(lines)).toEqual(['put kill/a 1', 'put kill/a 2']);
  });

  test('delete --recursive deletes all below a prefix, and nothing beside it', async () => {
    for (const key of ['gone/1', 'gone/2/3', 'gone-not']) await put(key, 'x');
    await using program = Program.rollcall(['delete', '--recursive', url('gone/')]);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(JSON.parse(program.stdout)).toMatchObject({ type: 'deleted', count: 2 });
    const { body } = await consul.http('/v1/kv/gone?keys');
    expect(JSON.parse(body)).toEqual(['gone-not']);
  });

  test('tail follows a service check that turns critical and back', async () => {
    const service = { Name: 'web', ID: 'web-1', Port: 80, Check: { CheckID: 'web-check', TTL: '1h' } };
    await consul.http('/v1/agent/service/register', { method: 'PUT', body: service });
    const check = (state: 'pass' | 'fail') => consul.http(`/v1/agent/check/${state}/web-check`, { method: 'PUT' });
    await check('pass');
    await using tail = Program.rollcall(['tail', '--keys-only', url('?service=web&passing=true')]);
    await tail.untilLine(synced);
    await check('fail');
    await tail.untilLine(({ type }) => type === 'delete');
    await check('pass');
    const puts = ({ lines }: Program): number => lines.filter(({ type }) => type === 'put').length;
    await tail.until(() => puts(tail) === 2);
    expect(seen(tail.lines).map((line) => line.replace(/ \S*\//, ' '))).toEqual([
      'put web-1',
      'delete web-1',
      'put web-1',
    ]);
  });

  test('mirror moves a prefix from etcd to Consul and goes on; diff then finds the same', async () => {
    const from = `etcd://${etcd.endpoint}//shop/`;
    await etcd.etcdctl(['put', '/shop/a', 'one']);
    await etcd.etcdctl(['put', '/shop/b', 'two']);
    await put('shop/extra', 'x');
    await using mirror = Program.rollcall(['mirror', '--delete', from, url('shop/')]);
    await mirror.untilLine(({ type }) => type === 'mirrored');
    await etcd.etcdctl(['put', '/shop/a', 'uno']);
    await etcd.etcdctl(['del', '/shop/b']);
    await mirror.until(() => mirror.lines.some(({ key, type }) => key === 'b' && type === 'delete'));
    await mirror.until(() => mirror.lines.some(({ value }) => value === 'uno'));
    expect((await mirror.end('SIGINT')).code).toBe(0);
    const stored = JSON.parse((await consul.http('/v1/kv/shop/?recurse')).body) as { Key: string; Value: string }[];
    expect(stored.map(({ Key, Value }) => [Key, Buffer.from(Value, 'base64').toString()])).toEqual([['shop/a', 'uno']]);
    await using diff = Program.rollcall(['diff', from, url('shop/')]);
    await diff.ended;
    expect(diff.lines).toEqual([{ type: 'compared', differences: 0, keys: [1, 1] }]);
    // And back into a file, which is what a team does first to look at it.
    const file = join(await mkdtemp(join(temporaryRoot(), 'mirror-')), 'shop.yaml');
    await using dry = Program.rollcall(['mirror', '--dry-run', url('shop/'), `file:${file}`]);
    expect((await dry.ended).code).toBe(1);
    expect(dry.stderr).toContain(file);
  });

  test('CONSUL_HTTP_ADDR gives the host where the URL has none', async () => {
    await put('address', 'here');
    await using get = Program.rollcall(['get', 'consul:///address'], { CONSUL_HTTP_ADDR: consul.url });
    await get.ended;
    expect(get.stdout).toBe('here');
  });
});
