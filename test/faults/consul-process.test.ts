import { createConsulAdapter } from '@rollcall/consul';
import { systemTiming } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { expect, test } from 'vitest';
import { Watching } from './consul-watching.js';
import { page, ScriptedConsul } from './scripted-consul.js';

// A file of its own: what keeps the process alive must be nobody else's.

/** What keeps the event loop alive, but for the test runner's timers. */
const holding = (): string[] => process.getActiveResourcesInfo().filter((name) => !/Timeout|Immediate/.test(name));

const before = holding();

test('a blocked watch does not hold the process: that is its watcher to say; a read does', async () => {
  await using server = await ScriptedConsul.start('p/', { index: 20, keys: { a: ['1', 11] } });
  const adapter = createConsulAdapter();
  const location = adapter.parse(server.url);
  await using source = adapter.open(location, { logger: silentLogger, timing: systemTiming });
  const abort = new AbortController();
  const sockets = (): number => holding().filter((name) => name === 'TCPSocketWrap').length;
  await expect.poll(sockets).toBe(0);
  const updates = source.watch(location.target, { signal: abort.signal })[Symbol.asyncIterator]();
  await updates.next();
  const waiting = updates.next();
  await expect.poll(() => server.blocked).toBe(1);
  // The server's end of the connection, which is in this process too.
  expect(sockets()).toBe(1);
  server.stall();
  const reading = source.read?.(location.target, { signal: abort.signal });
  await expect.poll(() => server.requests.length).toBe(3);
  // Both ends of a second connection.
  expect(sockets()).toBe(3);
  abort.abort();
  await expect(reading).rejects.toThrow();
  await waiting;
});

test('S62 after all is closed nothing is left', async () => {
  {
    await using server = await ScriptedConsul.start('p/', { index: 20, keys: { a: ['1', 11] } });
    await using watching = await Watching.started(server.url);
    await expect.poll(() => server.blocked).toBe(1);
    server.answer(page(500));
    await watching.stale('UNAVAILABLE');
  }
  await expect.poll(holding).toEqual(before);
});
