import { createRegistry, type Registry, systemTiming, type Watcher } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, test, vi } from 'vitest';
import { request } from '../../servers/http.mjs';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { startProxy } from '../support/proxy.js';
import { openSource, put, putMany, readable, stateAt, txn } from './etcd-watching.js';

vi.setConfig({ testTimeout: 60_000 });

/** A kill -9 leaves the page cache alone, so fsync proves nothing here and costs the most. */
const FAST = { flags: ['--unsafe-no-fsync', '--max-txn-ops=2000', '--metrics=extensive'] };
const COUNT = 1_000;
const PREFIXES = Array.from({ length: COUNT }, (_, i) => `p${String(i).padStart(4, '0')}/`);

/** What the server itself counts. */
interface Counters {
  /** Open now. */
  readonly streams: number;
  readonly watchers: number;
  /** Calls of Watch so far: each is a stream. */
  readonly opened: number;
}

async function counters(etcd: Etcd): Promise<Counters> {
  const { body } = await request(`http://${etcd.endpoint}/metrics`, { timeoutMs: 10_000 });
  const sum = (pattern: RegExp): number => [...body.matchAll(pattern)].reduce((all, [, one]) => all + Number(one), 0);
  return {
    streams: sum(/^etcd_debugging_mvcc_watch_stream_total (\S+)$/gm),
    watchers: sum(/^etcd_debugging_mvcc_watcher_total (\S+)$/gm),
    opened: sum(/^grpc_server_started_total\{.*grpc_method="Watch".*\} (\S+)$/gm),
  };
}

function open(): Registry {
  return createRegistry({ adapters: [etcdAdapter], timing: { ...systemTiming, random: () => 0.25 } });
}

function watchAll(registry: Registry, endpoint: string): Watcher[] {
  return PREFIXES.map((prefix) => registry.watch(`etcd://${endpoint}/${prefix}`));
}

/** Resolves when the watcher has been told of the revision. */
async function toldOf(watcher: Watcher, revision: string): Promise<void> {
  for await (const { changes } of watcher) if (changes.some((change) => change.revision === revision)) return;
}

test('1,000 watchers are one connection and one stream, each is told its own keys, and none of them is left', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  const before = await counters(etcd);
  const registry = open();
  const watchers = watchAll(registry, proxy.endpoint);
  await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
  await expect.poll(async () => (await counters(etcd)).watchers).toBe(before.watchers + COUNT);
  expect(await counters(etcd)).toMatchObject({ streams: before.streams + 1, opened: before.opened + 1 });
  expect(proxy.connections.total).toBe(1);

  const told = watchers.map((watcher) => toldOf(watcher, '2'));
  await expect(txn(etcd, Object.fromEntries(PREFIXES.map((prefix) => [`${prefix}key`, prefix])))).resolves.toBe('2');
  await Promise.all(told);
  for (const [i, { snapshot }] of watchers.entries()) {
    expect(readable(snapshot?.entries ?? [])).toEqual({ key: `${PREFIXES[i]} @2 created 2` });
  }
  await Promise.all(watchers.map((watcher) => watcher.close()));
  await expect.poll(() => counters(etcd)).toEqual({ ...before, opened: before.opened + 1 });
  await registry.close();
  await expect.poll(() => proxy.connections.open).toBe(0);
});

test('1,000 watchers that lose their connection are one connection and one stream again, and lose nothing', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  await using registry = open();
  const watchers = watchAll(registry, proxy.endpoint);
  await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
  const { opened } = await counters(etcd);
  const told = watchers.map((watcher) => toldOf(watcher, '2'));
  await proxy.cut();
  await txn(etcd, Object.fromEntries(PREFIXES.map((prefix) => [`${prefix}key`, prefix])));
  await proxy.resume();
  await Promise.all(told);
  await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
  expect(await counters(etcd)).toMatchObject({ streams: 1, watchers: COUNT, opened: opened + 1 });
  expect(proxy.connections.open).toBe(1);
});

test('1,000 opens and closes beside one that stays leave that one alone', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  await using registry = open();
  const staying = registry.watch(`etcd://${proxy.endpoint}/a/`);
  await staying.ready({ fresh: true });
  for (let i = 0; i < 10; i++) {
    const some = PREFIXES.slice(0, 100).map((prefix) => registry.watch(`etcd://${proxy.endpoint}/${prefix}`));
    // Every other one is closed while it is still being created.
    await Promise.all(some.filter((_, at) => at % 2 === 0).map((watcher) => watcher.ready({ fresh: true })));
    await Promise.all(some.map((watcher) => watcher.close()));
  }
  await expect.poll(() => counters(etcd)).toMatchObject({ streams: 1, watchers: 1, opened: 1 });
  const told = toldOf(staying, '2');
  await put(etcd, 'a/1', 'x');
  await told;
});

test('a prefix that is refused when its watch is created anew ends that watch alone, and the stream stays', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  const root = { user: 'root:root-secret' };
  for (const command of [
    'user add root:root-secret',
    'user grant-role root root',
    'role add reader',
    'role grant-permission reader --prefix=true read a/',
    'role grant-permission reader --prefix=true read b/',
    'user add app:app-secret',
    'user grant-role app reader',
    'auth enable',
  ]) {
    await etcd.etcdctl(command.split(' '));
  }
  await using registry = open();
  const login = { username: 'app', password: 'app-secret' };
  const allowed = registry.watch(`etcd://${proxy.endpoint}/a/`, login);
  const refused = registry.watch(`etcd://${proxy.endpoint}/b/`, login);
  await Promise.all([allowed.ready({ fresh: true }), refused.ready({ fresh: true })]);
  await etcd.etcdctl(['role', 'revoke-permission', 'reader', '--prefix=true', 'b/'], root);
  const { opened } = await counters(etcd);
  const stale = new Promise<string>((resolve) => {
    refused.onStatus((status) => status.state === 'stale' && status.code === 'FORBIDDEN' && resolve(status.code));
  });
  const told = toldOf(allowed, '2');
  proxy.drop();
  await stale;
  await put(etcd, 'a/1', 'x', root);
  await told;
  expect(allowed.status).toMatchObject({ state: 'live' });
  await expect.poll(() => counters(etcd)).toEqual({ streams: 1, watchers: 1, opened: opened + 1 });
});

test('a long replay of one prefix leaves the others of its stream live', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  await using registry = open();
  const replaying = registry.watch(`etcd://${proxy.endpoint}/a/`);
  const other = registry.watch(`etcd://${proxy.endpoint}/b/`);
  await Promise.all([replaying.ready({ fresh: true }), other.ready({ fresh: true })]);
  await proxy.cut();
  await putMany(etcd, 15_000, (index) => `a/${index % 100}`);
  const last = await put(etcd, 'a/last', 'x');
  await proxy.resume();
  const done = toldOf(replaying, last);
  await other.ready({ fresh: true });
  expect(BigInt(replaying.snapshot?.revision ?? 0)).toBeLessThan(BigInt(last));
  const states: string[] = [];
  other.onStatus(({ state }) => states.push(state));
  await done;
  expect(states).toEqual([]);
  const expected = await stateAt(etcd, { prefix: 'a/', revision: last });
  expect(readable(replaying.snapshot?.entries ?? [])).toEqual(expected);
});

test('beside a prefix that is never at rest, the cursor of an idle one moves, ahead of compaction', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  await using registry = open();
  const idle = registry.watch(`etcd://${proxy.endpoint}/idle/`);
  const restless = registry.watch(`etcd://${proxy.endpoint}/busy/`);
  await Promise.all([idle.ready({ fresh: true }), restless.ready({ fresh: true })]);
  const first = idle.snapshot?.revision;
  while (idle.snapshot?.revision === first) await put(etcd, 'busy/1', 'x');
  const statuses: string[] = [];
  idle.onStatus((status) => statuses.push(status.state === 'stale' ? status.code : status.state));
  await etcd.etcdctl(['compact', String(idle.snapshot?.revision)]);
  proxy.drop();
  await toldOf(idle, await put(etcd, 'idle/1', 'x'));
  expect(statuses).not.toContain('COMPACTED');
});

test('a watch that a compaction ended is not left on the server', async () => {
  await using etcd = await startEtcd(FAST);
  for (const value of ['1', '2', '3']) await put(etcd, 'a/1', value);
  await etcd.etcdctl(['compact', '4']);
  const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`);
  const { signal } = new AbortController();
  const staying = source.watch(target, { signal })[Symbol.asyncIterator]();
  await staying.next();
  await staying.next();
  for (let i = 0; i < 10; i++) {
    const resumed = source.watch(target, { signal, from: { revision: '2' } });
    const compacted = (async () => {
      for await (const { type } of resumed) expect(type).toBe('alive');
    })();
    await expect(compacted).rejects.toMatchObject({ code: 'COMPACTED' });
  }
  await expect.poll(() => counters(etcd)).toMatchObject({ streams: 1, watchers: 1 });
  await source[Symbol.asyncDispose]();
});
