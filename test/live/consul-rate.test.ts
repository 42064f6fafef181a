import { setTimeout as sleep } from 'node:timers/promises';
import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { expect, test } from 'vitest';
import { put, RequestCount, textOf, Watching } from '../faults/consul-watching.js';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';

/** Consul takes 64 writes in one transaction. */
const TRANSACTION = 64;

async function putAll(consul: Consul, keys: readonly string[], value: string): Promise<void> {
  const left = keys.map((Key) => ({ KV: { Verb: 'set', Key, Value: Buffer.from(value).toString('base64') } }));
  const writer = async (): Promise<void> => {
    while (left.length > 0) await consul.http('/v1/txn', { method: 'PUT', body: left.splice(0, TRANSACTION) });
  };
  await Promise.all(Array.from({ length: 8 }, writer));
}

test('S63 a big prefix that changes all the time: ten queries a second at most, and the last value is seen', async () => {
  await using consul = await startConsul();
  const keys = Array.from({ length: 20_000 }, (_, i) => `a/${String(i).padStart(6, '0')}`);
  await putAll(consul, keys, 'x'.repeat(60));
  await using watching = await Watching.started(`consul://${consul.endpoint}/a/`);
  using requests = new RequestCount(consul.port);
  const began = performance.now();
  let writes = 0;
  while (performance.now() - began < 4_000) {
    await put(consul, 'a/000000', String(writes++));
    await sleep(10);
  }
  const reads = requests.sent.filter(({ method }) => method === 'GET').length;
  const seconds = (performance.now() - began) / 1000;
  expect(writes).toBeGreaterThan(100);
  // Five at once after the quiet time before.
  expect(reads).toBeLessThanOrEqual(5 + seconds * 10);
  await watching.value('000000', String(writes - 1));
  await watching.expectServersState(consul);
});

test('S63 300 targets, and the 200 connections that Consul allows: they take turns, and each change is seen', async () => {
  await using consul = await startConsul();
  await using proxy = await startProxy(consul);
  const keys = Array.from({ length: 300 }, (_, i) => `a/${i}/x`);
  await putAll(consul, keys, '0');
  const log: string[] = [];
  const warn = (_: unknown, message: string): void => void log.push(message);
  await using registry = createRegistry({ adapters: [createConsulAdapter()], logger: { ...silentLogger, warn } });
  const watchers = keys.map((key) => registry.watch(`consul://${proxy.endpoint}/${key}`));
  await Promise.all(watchers.map((watcher) => watcher.ready()));
  // Those that came last have no lane; then a change for all at once.
  for (const [value, from] of [
    ['1', 290],
    ['2', 0],
  ] as const) {
    await putAll(consul, keys.slice(from), value);
    const behind = () =>
      watchers.slice(from).filter(({ snapshot }) => textOf(snapshot?.entries.get('')) !== value).length;
    await expect.poll(behind, { timeout: 20_000 }).toBe(0);
  }
  expect(watchers.map(({ status }) => status.state)).toEqual(watchers.map(() => 'live'));
  expect(proxy.connections.total).toBeLessThanOrEqual(100);
  expect(log).toEqual([expect.stringContaining('http_max_conns_per_client')]);
  // A read does not wait for its turn.
  const asked = performance.now();
  await watchers[0]?.read();
  expect(performance.now() - asked).toBeLessThan(1_000);
});

test('S63 a Consul that allows fewer connections than are needed: an error that says what to do', async () => {
  await using consul = await startConsul({ config: { limits: { http_max_conns_per_client: 4 } } });
  await using registry = createRegistry({ adapters: [createConsulAdapter()] });
  const watchers = Array.from({ length: 8 }, (_, i) => registry.watch(`consul://${consul.endpoint}/a/${i}/`));
  const errors = () => watchers.flatMap(({ status }) => ('error' in status ? (status.error ?? []) : []));
  await expect.poll(errors).not.toEqual([]);
  expect(errors()[0]).toMatchObject({
    code: 'RATE_LIMITED',
    message: expect.stringContaining('raise limits.http_max_conns_per_client'),
  });
});
