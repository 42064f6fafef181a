import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry, type Entry } from '@rollcall/core';
import type { Adapter, Source } from '@rollcall/core/adapter';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, test, vi } from 'vitest';
import { WATCH } from '../../packages/etcd/src/rpc/methods.js';
import { request } from '../../servers/http.mjs';
import { startConsul } from '../support/consul.js';
import { startEtcd } from '../support/etcd.js';
import { follow } from './follow.js';
import { GrpcProxy } from './grpcProxy.js';
import { HttpProxy } from './httpProxy.js';

/*
 * Controls: adapters with the mistakes that these tests are there for. They must be found out, or the tests would find
 * nothing wrong with anybody.
 */

vi.setConfig({ testTimeout: 120_000 });

test('S70 who assumes that watch ids are his own is given the keys of another prefix by grpc-proxy', async () => {
  await using etcd = await startEtcd();
  await using proxy = await GrpcProxy.start([etcd.endpoint]);
  const client = new Client(proxy.endpoint, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(WATCH.path, WATCH.serialize, WATCH.deserialize);
  const prefixes = new Map([
    ['0', 'payments/'],
    ['1', 'orders/'],
  ]);
  const assumed = new Map<string, string[]>();
  let created = 0;
  call.on('error', () => {});
  call.on('data', ({ watchId, created: isConfirmation, events }: ReturnType<typeof WATCH.deserialize>) => {
    if (isConfirmation) created++;
    const prefix = prefixes.get(watchId) ?? '';
    for (const { kv } of events) assumed.set(prefix, [...(assumed.get(prefix) ?? []), Buffer.from(kv.key).toString()]);
  });
  // The one that asks for 1 comes first: the proxy calls it 0.
  for (const watchId of ['1', '0']) {
    const prefix = prefixes.get(watchId) ?? '';
    const range = { key: Buffer.from(prefix), rangeEnd: Buffer.from(prefix.replace('/', '0')) };
    call.write({ type: 'create', range, start: '1', watchId });
    await expect.poll(() => created, { timeout: 10_000 }).toBe(watchId === '1' ? 1 : 2);
  }
  const registry = createRegistry({ adapters: [etcdAdapter] });
  const ours = ['payments/', 'orders/'].map((prefix) => registry.watch(`etcd://${proxy.endpoint}/${prefix}`));
  await Promise.all(ours.map((watcher) => watcher.ready({ fresh: true, timeoutMs: 10_000 })));
  await etcd.etcdctl(['put', 'payments/a', 'x']);
  await etcd.etcdctl(['put', 'orders/b', 'x']);
  await expect.poll(() => assumed.size, { timeout: 10_000 }).toBe(2);
  expect(assumed.get('payments/')).toEqual(['orders/b']);
  expect(assumed.get('orders/')).toEqual(['payments/a']);
  const keys = (): string[][] => ours.map(({ snapshot }) => [...(snapshot?.entries ?? [])].map(([key]) => key));
  await expect.poll(keys, { timeout: 10_000 }).toEqual([['a'], ['b']]);
  call.cancel();
  client.close();
  await registry.close();
});

/** Believes whatever answers with 200, whoever it is and however old. */
function credulous(endpoint: string, prefix: string): Adapter {
  const source: Source = {
    supports: { resume: false, deltas: false, history: false },
    maxSilenceMs: 10_000,
    maxProofAgeMs: 2_000,
    async *watch(_target, { signal }) {
      for (; !signal.aborted; await delay(100)) {
        const path = `/v1/kv/${prefix}?recurse`;
        const { status, headers, body } = await request(`http://${endpoint}${path}`, { timeoutMs: 10_000 });
        const revision = String(headers['x-consul-index'] ?? '0');
        const pairs = status === 404 ? [] : (JSON.parse(body) as { Key: string; Value: string | null }[]);
        const entries = pairs.map(({ Key, Value }): [string, Entry] => [
          Key.slice(prefix.length),
          { value: Buffer.from(Value ?? '', 'base64') },
        ]);
        yield { type: 'snapshot', revision, entries };
      }
    },
    async [Symbol.asyncDispose]() {},
  };
  return { ...createConsulAdapter(), open: () => source };
}

test('S73 who trusts any answer is live and wrong behind a proxy that caches', async () => {
  await using consul = await startConsul();
  await using proxy = await HttpProxy.start(consul, { cacheMs: 8_000 });
  const followed = follow({
    adapter: credulous(proxy.endpoint, 'b/'),
    url: `consul://${proxy.endpoint}/b/`,
    write: async (key, value) => {
      const method = value === undefined ? 'DELETE' : 'PUT';
      await consul.http(`/v1/kv/b/${key}`, value === undefined ? { method } : { method, body: value });
    },
    list: async () => {
      const { status, body } = await consul.http('/v1/kv/b/?recurse&consistent');
      const pairs = status === 404 ? [] : (JSON.parse(body) as { Key: string; Value: string }[]);
      return new Map(pairs.map(({ Key, Value }) => [Key.slice(2), Buffer.from(Value, 'base64').toString()]));
    },
  });
  await expect(followed).rejects.toThrow(/samples failed: live with .* which the store did not have within 2000 ms/s);
});
