import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { freePort } from '../support/ports.js';
import { startProxy } from '../support/proxy.js';
import { connectionTo, openSource, put, Watching } from './etcd-watching.js';

/** What `close()` promises, ms. */
const CLOSE_MS = 1_000;

async function elapsed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

describe('several endpoints', () => {
  test('S25 two of three endpoints are dead at start: it works, reads and writes too', async () => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/1', 'x');
    const endpoints = [`127.0.0.1:${await freePort()}`, etcd.endpoint, `127.0.0.1:${await freePort()}`];
    await using watching = new Watching(`etcd://${endpoints}/a/`);
    await watching.watcher.ready();
    await watching.untilRevision(await put(etcd, 'a/2', 'y'));
    await watching.expectServersState(etcd);

    const { source, target } = openSource(`etcd://${endpoints}/a/`);
    const { signal } = new AbortController();
    await expect(source.read?.(target, { signal })).resolves.toMatchObject({ revision: '3' });
    await source[Symbol.asyncDispose]();
    const writer = openSource(`etcd://${endpoints}/a/`).source;
    await expect(writer.write?.put('a/3', Buffer.from('z'))).resolves.toBe('4');
    await writer[Symbol.asyncDispose]();
  });

  test('S25 all dead at start: pending with a status that names each, then it recovers by itself', async () => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/1', 'x');
    await etcd.kill9();
    const other = `127.0.0.1:${await freePort()}`;
    await using watching = new Watching(`etcd://${other},${etcd.endpoint}/a/`);
    await watching.until('both tried', () => {
      const { status } = watching.watcher;
      return status.state === 'connecting' && status.error?.code === 'NO_HEALTHY_ENDPOINT';
    });
    const { status } = watching.watcher;
    const message = status.state === 'connecting' ? status.error?.message : undefined;
    expect(message).toContain(other);
    expect(message).toContain(etcd.endpoint);
    expect(message).toContain('ECONNREFUSED');
    await etcd.restart();
    await watching.watcher.ready({ fresh: true });
    await watching.until('the first batch', () => watching.batches.length === 1);
    await watching.expectServersState(etcd);
  });
});

test("each attempt connects: gRPC's own pauses do not come on top of the core's", async () => {
  let connections = 0;
  const rude = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      if (bytes.toString().startsWith('PRI * HTTP/2.0')) connections++;
      socket.destroy();
    });
  });
  const port = await freePort();
  await once(rude.listen(port, '127.0.0.1'), 'listening');
  await using watching = new Watching(`etcd://127.0.0.1:${port}/a/`, { random: 0.02 });
  await watching.until('five failures', () => watching.attempts.filter(({ error }) => error).length === 5);
  expect(connections).toBeGreaterThanOrEqual(5);
  await watching[Symbol.asyncDispose]();
  rude.close();
});

describe('silence', () => {
  test('S30 an idle watch on an idle etcd proves that it lives: progress is asked for after 10 s of silence', async () => {
    await using etcd = await startEtcd();
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    await watching.until('a bookmark', () => watching.attempts[0]?.updates.at(-1)?.type === 'bookmark');
    expect(watching.attempts).toHaveLength(1);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
    expect(watching.attempts[0]?.updates).toMatchObject([
      { type: 'snapshot', revision: '1' },
      { type: 'bookmark', revision: '1' },
    ]);
  });

  test('S22 a server that is stopped, its connections open: stale within the watchdog time, then recovery', async () => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/1', 'x');
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    etcd.pause();
    const ms = await elapsed(() => watching.until('stale', () => watching.watcher.status.state === 'stale'));
    expect(ms).toBeLessThan(16_000);
    // By keepalive, before the core's own watchdog would say SILENT.
    expect(watching.watcher.status).toMatchObject({ code: 'UNREACHABLE' });
    etcd.resume();
    await watching.untilRevision(await put(etcd, 'a/2', 'y'));
    expect(watching.deltaRevisions).toEqual(['3']);
    await watching.expectServersState(etcd);
  }, 60_000);

  test('a new connection that is swallowed is a TIMEOUT or worse, not an endless wait', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    proxy.stall();
    const { source, target } = openSource(`etcd://${proxy.endpoint}/a/`);
    const updates = source.watch(target, { signal: new AbortController().signal })[Symbol.asyncIterator]();
    const ms = await elapsed(() => expect(updates.next()).rejects.toMatchObject({ code: 'TIMEOUT' }));
    expect(ms).toBeLessThan(7_000);
    await source[Symbol.asyncDispose]();
  });
});

describe('S62 an end is clean in every state', () => {
  test('close while the watch is idle: no connection stays, nothing is delivered afterwards', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    const watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    expect(proxy.connections.total).toBe(1);
    expect(await elapsed(() => watching[Symbol.asyncDispose]())).toBeLessThan(CLOSE_MS);
    const told = watching.batches.length;
    await put(etcd, 'a/1', 'x');
    await expect.poll(() => proxy.connections.open).toBe(0);
    expect(watching.batches).toHaveLength(told);
    expect(proxy.connections.total).toBe(1);
  });

  test('close while the server is stalled', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    const watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    proxy.stall();
    expect(await elapsed(() => watching[Symbol.asyncDispose]())).toBeLessThan(CLOSE_MS);
  });

  test.each([
    ['etcd', 'HTTP/2'],
    ['etcds', 'TLS'],
  ])('%s: close while a peer took the connection and answers no %s: its socket is closed too', async (scheme) => {
    const mute = createServer((socket) => socket.on('error', () => {}).resume());
    const port = await freePort();
    await once(mute.listen(port, '127.0.0.1'), 'listening');
    const connected = once(mute, 'connection');
    const watching = new Watching(`${scheme}://127.0.0.1:${port}/a/`);
    const [socket] = await connected;
    const closed = once(socket, 'close');
    expect(await elapsed(() => watching[Symbol.asyncDispose]())).toBeLessThan(CLOSE_MS);
    expect(await elapsed(() => closed)).toBeLessThan(CLOSE_MS);
    mute.close();
  });

  test('close while it connects, and during a backoff', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    proxy.stall();
    const connecting = new Watching(`etcd://${proxy.endpoint}/a/`);
    await expect.poll(() => proxy.connections.total).toBe(1);
    expect(await elapsed(() => connecting[Symbol.asyncDispose]())).toBeLessThan(CLOSE_MS);
    await proxy.resume();
    await expect.poll(() => proxy.connections.open).toBe(0);
    await proxy.cut();
    const waiting = new Watching(`etcd://${proxy.endpoint}/a/`, { random: 1 });
    await waiting.until('a failure', () => waiting.statuses.length > 0);
    expect(await elapsed(() => waiting[Symbol.asyncDispose]())).toBeLessThan(CLOSE_MS);
  });

  test('an abort ends the watch without an error, before the first update and after; other watches go on', async () => {
    await using etcd = await startEtcd();
    const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`);
    const other = source.watch(target, { signal: new AbortController().signal })[Symbol.asyncIterator]();
    await other.next();
    const early = new AbortController();
    early.abort();
    const aborted = source.watch(target, { signal: early.signal })[Symbol.asyncIterator]();
    await expect(aborted.next()).resolves.toMatchObject({ done: true });
    const late = new AbortController();
    const watched = source.watch(target, { signal: late.signal })[Symbol.asyncIterator]();
    await watched.next();
    const pending = watched.next();
    late.abort();
    await expect(pending).resolves.toMatchObject({ done: true });
    const delivered = other.next();
    await put(etcd, 'a/1', 'x');
    await expect(delivered).resolves.toMatchObject({ value: { type: 'delta', revision: '2' } });
    await source[Symbol.asyncDispose]();
    await expect(source.watch(target, { signal: late.signal })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'CLOSED',
    });
  });

  test('a connection that is given up closes after the last watch that runs on it', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    const connection = connectionTo(proxy.endpoint);
    const { signal } = new AbortController();
    const { watch } = await connection.watch({ prefix: 'a/' }, '1', { signal });
    connection.close();
    await put(etcd, 'a/1', 'x');
    const told = await watch.next();
    const events = told.type === 'events' ? [...told.answer.events] : [];
    expect(events.map(({ kv }) => kv.modRevision)).toEqual(['2']);
    await expect(connection.range({ key: Buffer.from('a/1') }, { signal })).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    expect(proxy.connections.open).toBe(1);
    watch.close();
    await expect.poll(() => proxy.connections.open).toBe(0);
  });

  test('a watch does not hold the process: that is for the watcher to say', async () => {
    await using etcd = await startEtcd();
    const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`);
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await expect.poll(sockets).toBe(0);
    const updates = source.watch(target, { signal: new AbortController().signal })[Symbol.asyncIterator]();
    await updates.next();
    const pending = updates.next();
    expect(sockets()).toBe(0);
    await put(etcd, 'a/1', 'x');
    await expect(pending).resolves.toMatchObject({ value: { type: 'delta' } });
    await source[Symbol.asyncDispose]();
  });
});
