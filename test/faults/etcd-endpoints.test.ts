import { once } from 'node:events';
import { createServer } from 'node:http';
import { WatchError } from '@rollcall/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { inOrder } from '../support/in-order.js';
import { freePort } from '../support/ports.js';
import { startProxy } from '../support/proxy.js';
import { put, Watching, type WatchingOptions } from './etcd-watching.js';

/** What an endpoint that swallows packets may cost, ms. */
const SWALLOWED_MS = 5_000;
/** What else may pass in between on a busy machine, ms: backoffs above all. */
const SLACK_MS = 4_000;

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd[Symbol.asyncDispose]());

const watchInOrder = (prefix: string, endpoints: readonly string[], options?: WatchingOptions): Watching =>
  inOrder(endpoints, () => new Watching(`etcd://${endpoints}/${prefix}`, options));

/** Nobody listens there. */
const refusing = async (): Promise<string> => `127.0.0.1:${await freePort()}`;

/** The failure of the endpoint that was tried last, where the error is of all. */
function ofTheLast(error: unknown): WatchError {
  const failure = WatchError.from(error);
  return failure.code === 'NO_HEALTHY_ENDPOINT' ? WatchError.from(failure.cause) : failure;
}

// Together, since they mostly wait.
test.concurrent('S25 one of three endpoints swallows packets, one is dead: live after one timeout, whatever the order', async () => {
  await using swallowing = await startProxy(etcd);
  swallowing.stall();
  const dead = await refusing();
  const good = etcd.endpoint;
  const began = performance.now();
  const watchings = [
    watchInOrder('a/', [swallowing.endpoint, dead, good]),
    watchInOrder('a/', [dead, swallowing.endpoint, good]),
    watchInOrder('a/', [dead, good, swallowing.endpoint]),
    watchInOrder('a/', [good, swallowing.endpoint, dead]),
  ];
  try {
    await Promise.all(watchings.map(({ watcher }) => watcher.ready()));
    expect(performance.now() - began).toBeLessThan(SWALLOWED_MS + SLACK_MS);
    const failed = watchings.map(({ attempts }) => attempts.flatMap(({ error }) => (error ? [ofTheLast(error)] : [])));
    expect(failed.map((errors) => errors.map(({ code }) => code))).toEqual([
      ['TIMEOUT', 'UNREACHABLE'],
      ['UNREACHABLE', 'TIMEOUT'],
      ['UNREACHABLE'],
      [],
    ]);
    for (const { message, code } of failed.flat()) {
      expect(message).toContain(code === 'TIMEOUT' ? swallowing.endpoint : dead);
    }
    const revision = await put(etcd, 'a/1', 'x');
    for (const watching of watchings) {
      await watching.untilRevision(revision);
      await watching.expectServersState(etcd);
    }
  } finally {
    await Promise.all(watchings.map((watching) => watching[Symbol.asyncDispose]()));
  }
});

test.concurrent('S25 a connection is lost and the next endpoint swallows packets: live again after one timeout, no loss', async () => {
  await using lost = await startProxy(etcd);
  await using swallowing = await startProxy(etcd);
  swallowing.stall();
  await using watching = watchInOrder('b/', [lost.endpoint, swallowing.endpoint, etcd.endpoint]);
  await watching.watcher.ready();
  const began = performance.now();
  await lost.cut();
  const revision = await put(etcd, 'b/1', 'x');
  await watching.untilRevision(revision);
  expect(performance.now() - began).toBeLessThan(SWALLOWED_MS + SLACK_MS);
  expect(watching.attempts.map(({ error }) => error && ofTheLast(error).code)).toEqual([
    'UNREACHABLE',
    'TIMEOUT',
    undefined,
  ]);
  expect(watching.deltaRevisions).toEqual([revision]);
  await watching.expectServersState(etcd);
});

test.concurrent('S25 all three are down, each in its own way: stale with the last error of each; then it recovers by itself', async () => {
  const web = createServer((_, response) => response.end('<html>It works!</html>'));
  const port = await freePort();
  await once(web.listen(port, '127.0.0.1'), 'listening');
  await using lost = await startProxy(etcd);
  const dead = await refusing();
  await using watching = watchInOrder('c/', [lost.endpoint, dead, `127.0.0.1:${port}`]);
  await watching.watcher.ready();
  await lost.cut();
  await watching.untilStale('NO_HEALTHY_ENDPOINT');
  const { status } = watching.watcher;
  const message = status.state === 'stale' ? status.error.message : '';
  const each = message.replace(/^No endpoint works \((.*)\)\.$/, '$1').split('; Cannot connect to ');
  expect(each).toEqual([
    expect.stringContaining(`The connection to etcd broke at ${lost.endpoint}`),
    expect.stringContaining(`${dead}: nothing listens there`),
    expect.stringContaining(`127.0.0.1:${port}: `),
  ]);

  const revision = await put(etcd, 'c/1', 'x');
  await lost.resume();
  await watching.untilRevision(revision);
  expect(watching.deltaRevisions).toEqual([revision]);
  await watching.expectServersState(etcd);
  web.close();
  web.closeAllConnections();
});

test.concurrent('S25 an endpoint that does not answer is left alone while another works, and dialled again when that is lost', async () => {
  await using works = await startProxy(etcd);
  await using failing = await startProxy(etcd);
  await failing.cut();
  await using watching = watchInOrder('d/', [failing.endpoint, works.endpoint]);
  await watching.untilRevision(await put(etcd, 'd/1', 'x'));
  const refused = () => watching.attempts.filter(({ error }) => error).length;
  expect(refused()).toBe(1);
  await failing.resume();
  await works.cut();
  await watching.untilRevision(await put(etcd, 'd/2', 'x'));
  expect(failing.connections.open).toBe(1);
  await watching.expectServersState(etcd);
});

test('S26 fifty processes spread over three endpoints, each by one connection', async () => {
  const proxies = await Promise.all([startProxy(etcd), startProxy(etcd), startProxy(etcd)]);
  const url = `etcd://${proxies.map(({ endpoint }) => endpoint)}/a/`;
  const watchings = await Promise.all(Array.from({ length: 50 }, () => Watching.started(url)));
  const connections = proxies.map((proxy) => proxy.connections.total);
  await Promise.all(watchings.map((watching) => watching[Symbol.asyncDispose]()));
  await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  expect(connections.reduce((sum, count) => sum + count)).toBe(50);
  // Chance alone gives one of them fewer once in 600,000 runs.
  for (const count of connections) expect(count).toBeGreaterThanOrEqual(3);
});
