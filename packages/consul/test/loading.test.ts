import { createRequire } from 'node:module';
import { consulAdapter } from '@rollcall/consul';
import { systemTiming } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { expect, test } from 'vitest';

test('the client is loaded by the first write, not by the import, nor by a watch', async () => {
  const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => /node_modules.papi/.test(path));
  // Port 1 is nobody's: each attempt fails.
  const location = consulAdapter.parse('consul://127.0.0.1:1/a/');
  await using source = consulAdapter.open(location, { logger: silentLogger, timing: systemTiming });
  expect(loaded()).toBe(false);
  const updates = source.watch(location.target, { signal: new AbortController().signal });
  await expect(updates[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(loaded()).toBe(false);
  await using writing = consulAdapter.open(location, { logger: silentLogger, timing: systemTiming });
  await expect(writing.write?.put('a/1', Buffer.from('x'))).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(loaded()).toBe(true);
});
