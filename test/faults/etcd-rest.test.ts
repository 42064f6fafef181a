import { createRegistry } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { put, txn } from './etcd-watching.js';

test('S10 a watch that has replayed becomes live, and is at the present, on a store that then rests', async () => {
  await using etcd = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  const since = await put(etcd, 'b/1', 'x');
  await txn(etcd, { 'b/2': 'y' });
  const last = await put(etcd, 'elsewhere', 'z');
  await using registry = createRegistry({ adapters: [etcdAdapter] });
  const watcher = registry.watch(`etcd://${etcd.endpoint}/b/`, { since });
  await watcher.ready({ fresh: true, timeoutMs: 5_000 });
  await expect.poll(() => watcher.snapshot?.revision, { timeout: 5_000 }).toBe(last);
  expect(watcher.status).toMatchObject({ state: 'live' });
});
