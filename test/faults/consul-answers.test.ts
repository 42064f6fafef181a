import { expect, test, vi } from 'vitest';
import { startConsul } from '../support/consul.js';
import { inOrder } from '../support/in-order.js';
import { startProxy } from '../support/proxy.js';
import { expectServersInstances, register } from './consul-instances.js';
import { put, Watching } from './consul-watching.js';

// What a real Consul, or the way to it, does to answers. `consul-scripted.test.ts` has what it takes a script for.

const FAST = { random: 0.05 };
const urlOf = ({ endpoint }: { readonly endpoint: string }): string => `consul://${endpoint}/a/`;

test('S27 a server that is asked more than it allows (429): told, no key lost, and followed again by itself', async () => {
  // 2 reads a second, 20 at once.
  const limits = { request_limits: { mode: 'enforcing', read_rate: 2, write_rate: -1 } };
  await using consul = await startConsul({ config: { limits } });
  await put(consul, 'a/x', 'before');
  await using watching = await Watching.started(urlOf(consul), FAST);
  const refused = watching.stale('RATE_LIMITED');
  const others = async (): Promise<void> => {
    while (watching.state === 'live') await fetch(`${consul.url}/v1/kv/elsewhere`);
  };
  const writer = async (): Promise<void> => {
    while (watching.state === 'live') await put(consul, 'a/y', String(performance.now()));
  };
  await Promise.all([refused, others(), others(), writer()]);
  expect(watching.model.has('x')).toBe(true);
  await put(consul, 'a/y', 'after');
  await watching.value('y', 'after');
  await watching.live();
  // This reads, too.
  await vi.waitFor(() => watching.expectServersState(consul), { timeout: 10_000, interval: 250 });
  expect(new Set(watching.told)).toEqual(new Set(['put y']));
});

test('S27 more connections than a server allows (429): who is too many is told, and comes in when another leaves', async () => {
  await using consul = await startConsul({ config: { limits: { http_max_conns_per_client: 3 } } });
  await put(consul, 'a/x', 'x');
  // Consul keeps its end of a query that was broken off until the wait is over.
  const [first, second, third] = await Promise.all(
    [500, 500, 30_000].map((waitMs) => Watching.started(urlOf(consul), { ...FAST, waitMs })),
  );
  await using late = new Watching(urlOf(consul), FAST);
  await late.until('refused', () => late.code === 'RATE_LIMITED');
  await first?.[Symbol.asyncDispose]();
  await late.live();
  for (const watching of [second, third]) expect(watching?.statuses.map(({ state }) => state)).toEqual(['live']);
  await second?.[Symbol.asyncDispose]();
  // This needs a connection, too.
  await vi.waitFor(() => late.expectServersState(consul), { timeout: 10_000, interval: 250 });
  await third?.[Symbol.asyncDispose]();
});

test('S29 connections are reset in the middle of a long answer, again and again: no part of it is believed', async () => {
  await using consul = await startConsul();
  const value = 'x'.repeat(200_000);
  for (let i = 0; i < 20; i++) await put(consul, `a/${i}`, value);
  let resets = 0;
  let leftBytes = Number.POSITIVE_INFINITY;
  const onAnswer = ({ length }: Buffer): void => {
    leftBytes -= length;
    if (leftBytes > 0 || resets === 3) return;
    // An answer is 5 MB.
    leftBytes = 1_000_000 * ++resets;
    process.nextTick(() => proxy.drop());
  };
  await using proxy = await startProxy(consul, { onAnswer });
  await using watching = await Watching.started(urlOf(proxy), FAST);
  leftBytes = 1_000_000;
  await put(consul, 'a/0', 'changed');
  await watching.value('0', 'changed');
  await watching.live();
  expect(resets).toBe(3);
  expect(watching.statuses.map((status) => ('code' in status ? status.code : status.state))).toEqual([
    'live',
    'UNREACHABLE',
    'UNREACHABLE',
    'UNREACHABLE',
    'live',
  ]);
  expect(watching.told).toEqual(['put 0']);
  await watching.expectServersState(consul);
});

test('S22 silence between a blocking answer on instances and the read that proves it: in time, another endpoint is used', async () => {
  await using consul = await startConsul();
  await register(consul, 'web', '1', 1);
  const waitMs = 500;
  let silent = false;
  const onAnswer = (): void => {
    if (silent) process.nextTick(() => one.stall());
  };
  await using one = await startProxy(consul, { onAnswer });
  await using two = await startProxy(consul);
  const endpoints = [one.endpoint, two.endpoint];
  await using watching = inOrder(
    endpoints,
    () => new Watching(`consul://${endpoints}/?service=web`, { ...FAST, waitMs }),
  );
  await watching.live();
  // Whatever is answered next, a blocking query or the read after it, is the last answer.
  silent = true;
  const began = performance.now();
  await watching.until('stale', () => watching.state === 'stale');
  await watching.live();
  expect(performance.now() - began).toBeLessThan(2 * waitMs + 3_000 + 1_000);
  await expectServersInstances(watching, consul, 'web');
});
