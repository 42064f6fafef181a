import { createRequire } from 'node:module';
import { systemTiming } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, test } from 'vitest';

test('gRPC is loaded by the first use, not by the import, nor by opening a source', async () => {
  const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@grpc/grpc-js'));
  // Port 1 is nobody's: the attempt fails, and by then the client is loaded.
  const location = etcdAdapter.parse('etcd://127.0.0.1:1/a/');
  await using source = etcdAdapter.open(location, { logger: silentLogger, timing: systemTiming });
  expect(loaded()).toBe(false);
  const updates = source.watch(location.target, { signal: new AbortController().signal });
  await expect(updates[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(loaded()).toBe(true);
});
