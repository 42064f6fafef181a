import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createConsulAdapter } from '@rollcall/consul';
import { systemTiming } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { describe, expect, test } from 'vitest';
import { type Consul, startConsul } from '../support/consul.js';
import { freePort } from '../support/ports.js';
import { startProxy } from '../support/proxy.js';
import { del, put, RequestCount, Watching } from './consul-watching.js';

/** Short waits, so that a dead link is noticed within 1 s + 1/16 s + 3 s. */
const WAIT_MS = 1_000;
const NOTICED_MS = WAIT_MS + WAIT_MS / 16 + 3_000;

const urlOf = (consul: { readonly endpoint: string }): string => `consul://${consul.endpoint}/a/`;

async function seed(consul: Consul): Promise<void> {
  for (const name of ['x', 'y', 'z']) await put(consul, `a/${name}`, name);
}

describe('S22 silence', () => {
  test('an agent that is stopped (SIGSTOP) is noticed in time, and followed again when it goes on', async () => {
    await using consul = await startConsul();
    await seed(consul);
    await using watching = await Watching.started(urlOf(consul), { waitMs: WAIT_MS });
    consul.pause();
    const paused = performance.now();
    await watching.until('stale', () => watching.state === 'stale');
    expect(performance.now() - paused).toBeLessThan(NOTICED_MS + 500);
    expect(watching.code).toBe('TIMEOUT');
    expect(watching.model.size).toBe(3);
    consul.resume();
    await put(consul, 'a/x', 'after');
    await watching.value('x', 'after');
    await watching.live();
    await watching.expectServersState(consul);
    expect(watching.told).toEqual(['put x']);
  });

  test('a half-open link is noticed in time; then another endpoint is used', async () => {
    await using consul = await startConsul();
    await seed(consul);
    await using one = await startProxy(consul);
    await using two = await startProxy(consul);
    const url = `consul://${one.endpoint},${two.endpoint}/a/`;
    await using watching = await Watching.started(url, { waitMs: WAIT_MS });
    const used = one.connections.total > 0 ? one : two;
    used.stall();
    const stalled = performance.now();
    await put(consul, 'a/x', 'after');
    await watching.value('x', 'after');
    expect(performance.now() - stalled).toBeLessThan(NOTICED_MS + 1_000);
    expect(watching.statuses.map(({ state }) => state)).toContain('stale');
    await watching.live();
    await watching.expectServersState(consul);
  });

  test('an idle watch stays live, without another connection', async () => {
    await using consul = await startConsul();
    await seed(consul);
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(urlOf(proxy), { waitMs: 200 });
    const sent = proxy.bytes.toServer;
    // Ten waits of 200 ms and up to a sixteenth more.
    await expect.poll(() => proxy.bytes.toServer, { timeout: 10_000 }).toBeGreaterThan(sent + 10 * 150);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
    expect(watching.batches).toHaveLength(1);
    expect(proxy.connections.total).toBe(1);
  });
});

test('S23 kill -9 and restart with the same data: no loss, no repeat, the same objects for what is unchanged', async () => {
  await using consul = await startConsul();
  await seed(consul);
  await using watching = await Watching.started(urlOf(consul));
  const before = new Map(watching.model);
  await consul.kill9();
  await watching.stale('UNREACHABLE');
  await consul.restart();
  await put(consul, 'a/y', 'after');
  await del(consul, 'a/z');
  await watching.until('both changes', () => watching.told.length === 2);
  await watching.live();
  expect(watching.told.sort()).toEqual(['delete z', 'put y']);
  expect(watching.model.get('x')).toBe(before.get('x'));
  await watching.expectServersState(consul);
});

describe('S25 several endpoints', () => {
  test('two of three are dead at start: it works', async () => {
    await using consul = await startConsul();
    await seed(consul);
    const endpoints = [`127.0.0.1:${await freePort()}`, consul.endpoint, `127.0.0.1:${await freePort()}`];
    await using watching = await Watching.started(`consul://${endpoints}/a/`);
    await put(consul, 'a/x', 'after');
    await watching.value('x', 'after');
    await watching.expectServersState(consul);
    await expect(watching.watcher.read()).resolves.toMatchObject({ entries: { size: 3 } });
    const { source, release } = watching.registry.open(`consul://${endpoints}/`);
    await source.write?.put('a/w', Buffer.from('written'));
    await watching.value('w', 'written');
    await release();
  });

  test('all dead at start: pending with a status that names each, then it recovers by itself', async () => {
    await using consul = await startConsul();
    await seed(consul);
    await consul.kill9();
    const other = `127.0.0.1:${await freePort()}`;
    await using watching = new Watching(`consul://${other},${consul.endpoint}/a/`);
    await watching.until('both tried', () => watching.code === 'NO_HEALTHY_ENDPOINT');
    const { status } = watching.watcher;
    expect(status.state).toBe('connecting');
    const message = 'error' in status ? status.error?.message : '';
    expect(message).toContain(other);
    expect(message).toContain(consul.endpoint);
    expect(message).toContain('is Consul running');
    await consul.restart();
    await watching.watcher.ready({ fresh: true });
    await watching.until('the first batch', () => watching.batches.length === 1);
    await watching.expectServersState(consul);
  });

  test('a write that may have been done is not done again elsewhere; one that was never sent is', async () => {
    await using consul = await startConsul();
    let received = 0;
    const broken = createServer((socket) => {
      socket.once('data', () => {
        received++;
        socket.resetAndDestroy();
      });
    });
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const first = `127.0.0.1:${(broken.address() as AddressInfo).port}`;
    const write = async (key: string): Promise<unknown> => {
      // Chance decides which endpoint is asked first; here the broken one is.
      const random = first < consul.endpoint ? 0.999 : 0;
      const timing = { ...systemTiming, random: () => random };
      const adapter = createConsulAdapter();
      const location = adapter.parse(`consul://${first},${consul.endpoint}/`);
      await using source = adapter.open(location, { logger: silentLogger, timing });
      return await source.write?.put(key, Buffer.from('x'));
    };
    await expect(write('a/sent')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(received).toBe(1);
    expect((await consul.http('/v1/kv/a/sent')).status).toBe(404);
    broken.close();
    await once(broken, 'close');
    await expect(write('a/never-sent')).resolves.toMatch(/^\d+$/);
    expect((await consul.http('/v1/kv/a/never-sent')).status).toBe(200);
  });
});

test('S29 a connection that is reset while it blocks, before a byte came: asked once more, unnoticed', async () => {
  await using consul = await startConsul();
  await seed(consul);
  await using proxy = await startProxy(consul);
  using requests = new RequestCount(proxy.port);
  await using watching = await Watching.started(urlOf(proxy));
  await expect.poll(() => requests.count).toBe(2);
  const dropped = performance.now();
  proxy.drop();
  await put(consul, 'a/x', 'after');
  await watching.value('x', 'after');
  expect(performance.now() - dropped).toBeLessThan(1_000);
  expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
});

describe('another history', () => {
  test('S44 another cluster behind the same address: the right state, by content', async () => {
    await using first = await startConsul();
    await using second = await startConsul();
    await seed(first);
    for (let i = 0; i < 20; i++) await put(second, 'elsewhere', String(i));
    await put(second, 'a/x', 'x');
    await put(second, 'a/y', 'of the second');
    await using proxy = await startProxy(first);
    await using watching = await Watching.started(urlOf(proxy));
    proxy.retarget(second);
    proxy.drop();
    await watching.until('the second', () => !watching.model.has('z'));
    await watching.live();
    await watching.expectServersState(second);
    await put(second, 'a/x', 'later');
    await watching.value('x', 'later');
    await watching.expectServersState(second);
  });

  test('S45 a snapshot is restored while it is watched: the index goes back, each change is told once', async () => {
    await using consul = await startConsul();
    await seed(consul);
    const snapshot = await saveSnapshot(consul);
    await put(consul, 'a/x', 'later');
    await put(consul, 'a/new', 'later');
    await del(consul, 'a/z');
    // Consul goes on blocking on an index that the restored store has not reached, until the wait is over.
    await using watching = await Watching.started(urlOf(consul), { waitMs: WAIT_MS });
    await restoreSnapshot(consul, snapshot);
    await watching.until('the restored state', () => watching.model.has('z'));
    expect(watching.told.sort()).toEqual(['delete new', 'put x', 'put z']);
    const [before, after] = watching.batches;
    expect(Number(after?.snapshot.revision)).toBeLessThan(Number(before?.snapshot.revision));
    expect(after?.snapshot.epoch).toBeGreaterThan(before?.snapshot.epoch ?? 0);
    await watching.expectServersState(consul);
    await put(consul, 'a/x', 'on');
    await watching.value('x', 'on');
    expect(watching.told).toHaveLength(4);
    await watching.expectServersState(consul);
  });

  test('S45 wiped and filled again: the right state', async () => {
    await using consul = await startConsul();
    await seed(consul);
    for (let i = 0; i < 20; i++) await put(consul, 'a/x', String(i));
    // Cut off until it is filled again: an answer of the empty store would be a state too, told as the deletes it is.
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(urlOf(proxy));
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    await consul.wipe();
    await consul.restart();
    await put(consul, 'a/y', 'y');
    await proxy.resume();
    await watching.until('the new state', () => watching.model.size === 1);
    await watching.live();
    await watching.expectServersState(consul);
    expect(watching.told.sort()).toEqual(['delete x', 'delete z']);
  });

  test('S46 deleted during a gap: seen on reconnect', async () => {
    await using consul = await startConsul();
    await seed(consul);
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(urlOf(proxy));
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    for (const name of ['x', 'y', 'z']) await del(consul, `a/${name}`);
    await proxy.resume();
    await watching.until('the deletes', () => watching.model.size === 0);
    expect(watching.told.sort()).toEqual(['delete x', 'delete y', 'delete z']);
    await watching.expectServersState(consul);
  });
});

async function saveSnapshot(consul: Consul): Promise<ArrayBuffer> {
  const answer = await fetch(`${consul.url}/v1/snapshot`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.arrayBuffer();
}

async function restoreSnapshot(consul: Consul, snapshot: ArrayBuffer): Promise<void> {
  const answer = await fetch(`${consul.url}/v1/snapshot`, { method: 'PUT', body: snapshot });
  if (!answer.ok) throw new Error(await answer.text());
}
