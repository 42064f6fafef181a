import { createRequire } from 'node:module';
import { consulAdapter } from '@rollcall/consul';
import { silentLogger } from '@rollcall/core';
import { expect, test } from 'vitest';

test('the client is loaded by the first use, not by the import, nor by opening a source', async () => {
  const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => /node_modules.papi/.test(path));
  // Port 1 is nobody's: the attempt fails, and by then the client is loaded.
  const { cluster, target } = consulAdapter.parse('consul://127.0.0.1:1/a/');
  await using source = consulAdapter.open({ cluster, target }, { logger: silentLogger });
  expect(loaded()).toBe(false);
  const updates = source.watch(target, { signal: new AbortController().signal });
  await expect(updates[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(loaded()).toBe(true);
});
