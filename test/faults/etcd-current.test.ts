import { createRegistry } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { put, putMany } from './etcd-watching.js';

const BACKLOG = 3_000;

test('a watch that still replays is not live: what `fresh` and a swap wait for is the present', async () => {
  await using etcd = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  const since = await put(etcd, 'b/1', 'x');
  await putMany(etcd, BACKLOG, (index) => `b/${index % 10}`);
  const last = await put(etcd, 'b/last', 'x');
  await using registry = createRegistry({ adapters: [etcdAdapter] });
  const watcher = registry.watch(`etcd://${etcd.endpoint}/b/`, { since });
  expect((await watcher.ready({ fresh: true })).revision).toBe(last);

  const swapped = registry.watch(`etcd://${etcd.endpoint}/a/`);
  await swapped.ready({ fresh: true });
  await swapped.swap(`etcd://${etcd.endpoint}/b/`, { since });
  expect(swapped.snapshot?.revision).toBe(last);
});
