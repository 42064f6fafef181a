import { createRegistry, systemTiming } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, it } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { startProxy } from '../support/proxy.js';

/** Wiped and refilled up to the cursor, with the same newest key and the same count: the witness does not tell. */
it.each([
  [
    'a key newer than the held newest took the place of an older one',
    ['put p/old 1', 'put p/newest 1', 'put p/x 1', 'del p/x'],
    ['put p/old 1', 'put p/newest 1', 'del p/old', 'put p/other 1'],
  ],
  [
    'the same script ran again, with one earlier value changed',
    ['put p/a 1', 'put p/b 1', 'put p/c 1'],
    ['put p/a 2', 'put p/b 1', 'put p/c 1'],
  ],
])('S43 wiped and refilled up to the cursor with the same newest key and count: %s', async (_, before, after) => {
  await using etcd = await startEtcd();
  await using proxy = await startProxy(etcd);
  const run = async (lines: readonly string[]): Promise<void> => {
    for (const line of lines) await etcd.etcdctl(line.split(' '));
  };
  await run(before);
  await using registry = createRegistry({ adapters: [etcdAdapter], timing: { ...systemTiming, random: () => 0.2 } });
  const watcher = registry.watch(`etcd://${proxy.endpoint}/p/`);
  await watcher.ready();
  const stale = new Promise<void>((resolve) => {
    watcher.onStatus(({ state }) => {
      if (state === 'stale') resolve();
    });
  });
  await proxy.cut();
  await stale;
  await etcd.wipe();
  await etcd.restart();
  await run(after);
  await proxy.resume();
  const { entries } = await watcher.ready({ fresh: true });
  const lines = (await etcd.etcdctl(['get', 'p/', '--prefix'])).trim().split('\n');
  expect([...entries].flatMap(([key, { value }]) => [`p/${key}`, Buffer.from(value).toString()])).toEqual(lines);
});
