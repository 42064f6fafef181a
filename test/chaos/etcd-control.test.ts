import { createRegistry, type Entry, systemTiming } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, test } from 'vitest';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { compact, restoreSnapshot, saveSnapshot } from '../support/etcd-maintenance.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';
import { Bell } from './bell.js';
import { differences } from './difference.js';
import { readAll } from './etcd/archive.js';
import { Etcd3Watcher } from './etcd/etcd3Watcher.js';
import { base64, Gateway } from './etcd/gateway.js';

/*
 * The negative control of the chaos run: three of its faults in a fixed order, which etcd3's own high-level watcher does not
 * survive. A checker that finds nothing wrong with it would find nothing wrong with anybody. Rollcall's watcher goes through
 * the very same beside it.
 */

const PREFIX = 'svc/';
const LAST = 'last';
/** How long the last write may take to be told, ms. */
const TOLD_MS = 20_000;
/** A server sends at most 1,000 revisions at once while a watch catches up. */
const BACKLOG = 2_500;
const AT_ONCE = 16;

/** A watcher behind a link of its own. */
interface Watched {
  readonly link: TcpProxy;
  /** Rung at each change, and at the end. */
  readonly bell: Bell;
  readonly state: () => ReadonlyMap<string, Entry>;
  /** Why it tells nothing more. */
  readonly error: () => Error | undefined;
}

interface Scene {
  readonly etcd: Etcd;
  readonly gateway: Gateway;
  readonly rollcall: Watched;
  readonly etcd3: Watched;
  put(key: string, value: string): Promise<void>;
}

/** Both watch a store with three keys; `break` it, then both are told of a last write, or of their end. */
async function afterFaults(breakIt: (scene: Scene) => Promise<void>) {
  // The backlog is thousands of revisions, and nothing here outlives the machine.
  await using etcd = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  await using link = await startProxy(etcd);
  await using link3 = await startProxy(etcd);
  const gateway = new Gateway(etcd.port);
  const put = async (key: string, value: string): Promise<void> => {
    await gateway.post('/v3/kv/put', { key: base64(PREFIX + key), value: base64(value) });
  };
  for (const key of ['a', 'b', 'c']) await put(key, 'before');

  await using registry = createRegistry({ adapters: [etcdAdapter], timing: { ...systemTiming, random: () => 0.1 } });
  const watcher = registry.watch(`etcd://${link.endpoint}/${PREFIX}`);
  await watcher.ready();
  const bell = new Bell();
  void (async () => {
    for await (const _ of watcher) bell.ring();
  })();
  const state = (): ReadonlyMap<string, Entry> => new Map(watcher.snapshot?.entries ?? []);
  const rollcall: Watched = { link, bell, state, error: () => undefined };

  await using watcher3 = await Etcd3Watcher.open([link3.endpoint], { prefix: PREFIX, exact: false });
  const etcd3: Watched = {
    link: link3,
    bell: watcher3.bell,
    state: () => watcher3.state,
    error: () => watcher3.error,
  };

  await breakIt({ etcd, gateway, rollcall, etcd3, put });
  await put(LAST, 'written');
  for (const each of [rollcall, etcd3]) {
    expect(await each.bell.until(() => each.state().has(LAST) || each.error() !== undefined, TOLD_MS)).toBe(true);
  }
  const all = await readAll(gateway);
  gateway.close();
  const server = new Map([...all.state].map(([key, entry]) => [key.slice(PREFIX.length), entry]));
  return {
    server,
    /** Where each differs from the server in the end. */
    rollcall: differences(server, rollcall.state()),
    etcd3: differences(server, etcd3.state()),
    error: etcd3.error(),
  };
}

/** Cuts both off meanwhile. */
async function whileCut({ rollcall, etcd3 }: Scene, work: () => Promise<unknown>): Promise<void> {
  await Promise.all([rollcall.link.cut(), etcd3.link.cut()]);
  await work();
  await Promise.all([rollcall.link.resume(), etcd3.link.resume()]);
}

async function putMany({ put }: Scene, count: number): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await put(`backlog/${index}`, 'x');
  };
  await Promise.all(Array.from({ length: AT_ONCE }, writer));
}

test('cut in the catch-up: etcd3 goes on from the header of the first batch and misses what was to follow', async () => {
  const { server, rollcall, etcd3 } = await afterFaults(async (scene) => {
    await whileCut(scene, () => putMany(scene, BACKLOG));
    const cuts = [scene.rollcall, scene.etcd3].map(async ({ link, bell, state }) => {
      expect(await bell.until(() => state().size > 3, TOLD_MS)).toBe(true);
      link.drop();
    });
    await Promise.all(cuts);
  });
  expect(rollcall).toEqual([]);
  expect(server.size).toBe(BACKLOG + 4);
  // It was told the beginning and the last write, has not noticed anything, and will never know the rest.
  expect(etcd3.length).toBeGreaterThan(0);
  expect(etcd3.length).toBeLessThan(BACKLOG);
  expect(etcd3.every(({ got }) => got === 'no such key')).toBe(true);
});

test('restored from a snapshot: etcd3 goes on from a revision that is still to come', async () => {
  const { rollcall, etcd3 } = await afterFaults(async (scene) => {
    const { etcd, put, rollcall, etcd3 } = scene;
    const file = await saveSnapshot(etcd);
    for (const key of ['lost/1', 'lost/2', 'lost/3']) await put(key, 'x');
    for (const { bell, state } of [rollcall, etcd3]) {
      expect(await bell.until(() => state().has('lost/3'), TOLD_MS)).toBe(true);
    }
    await whileCut(scene, async () => {
      await restoreSnapshot([etcd], file);
      for (const key of ['new/1', 'new/2', 'new/3']) await put(key, 'x');
    });
  });
  expect(rollcall).toEqual([]);
  expect(etcd3.map(({ key }) => key).sort()).toEqual(['lost/1', 'lost/2', 'lost/3', 'new/1', 'new/2', 'new/3']);
});

test('compacted while cut off: etcd3 ends, and keeps what is deleted', async () => {
  const { rollcall, etcd3, error } = await afterFaults(async (scene) => {
    const { etcd, gateway, put } = scene;
    await whileCut(scene, async () => {
      await put('a', 'after');
      await gateway.post('/v3/kv/deleterange', { key: base64(`${PREFIX}b`) });
      await compact(etcd, String((await readAll(gateway)).revision));
    });
  });
  expect(rollcall).toEqual([]);
  expect(error?.message).toContain('Watcher canceled');
  expect(etcd3.map(({ key }) => key).sort()).toEqual(['a', 'b', LAST]);
});
