import { compareRevisions, type Entry } from '@rollcall/core';
import type { Update } from '@rollcall/core/adapter';
import { describe, expect, test } from 'vitest';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { startEtcdCluster } from '../support/etcd-cluster.js';
import { compact } from '../support/etcd-maintenance.js';
import { startProxy } from '../support/proxy.js';
import { connectionTo, del, openSource, put, putMany, txn, Watching } from './etcd-watching.js';

/** A kill -9 leaves the page cache alone, so fsync proves nothing here and costs the most. */
const FAST = { flags: ['--unsafe-no-fsync'] };

describe('one revision, one batch', () => {
  test('S02 a transaction of 100 keys is one batch', async () => {
    await using etcd = await startEtcd();
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    const keys = Array.from({ length: 100 }, (_, i) => `a/${String(i).padStart(3, '0')}`);
    const revision = await txn(etcd, Object.fromEntries(keys.map((key) => [key, 'x'])));
    await watching.untilRevision(revision);
    expect(watching.batches.map(({ cause, changes }) => [cause, changes.length])).toEqual([
      ['initial', 0],
      ['delta', 100],
    ]);
    expect(new Set(watching.changes.map((change) => change.revision))).toEqual(new Set([revision]));
    await watching.expectServersState(etcd);
  });

  test('S02 put, delete and put of one key in a gap: the right final state', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await put(etcd, 'a/1', 'before');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    await put(etcd, 'a/1', 'gap');
    await del(etcd, 'a/1');
    const revision = await put(etcd, 'a/1', 'after');
    await proxy.resume();
    await watching.untilRevision(revision);
    await watching.expectServersState(etcd);
  });

  test('S10 a write outside the prefix makes no batch, and a bookmark moves past it', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await put(etcd, 'a/1', 'x');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.until('live', () => watching.watcher.status.state === 'live');
    const { version } = watching.watcher;
    const elsewhere = await put(etcd, 'ab', 'neighbour');
    proxy.drop();
    await expect.poll(() => watching.watcher.snapshot?.revision, { timeout: 5_000 }).toBe(elsewhere);
    const [alive, proven, ...told] = watching.attempts.at(-1)?.updates ?? [];
    expect([alive, proven]).toMatchObject([{ type: 'alive' }, { type: 'bookmark', revision: '2' }]);
    expect(told).toContainEqual(expect.objectContaining({ type: 'bookmark', revision: elsewhere }));
    expect(watching.watcher.status.state).toBe('live');
    expect(watching.watcher.version).toBe(version);
    expect(watching.batches).toHaveLength(1);
    await watching.expectServersState(etcd);
  });

  test('S09 a progress reply that equals the last event is no rollback', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    const revision = await put(etcd, 'a/1', 'x');
    await watching.untilRevision(revision);
    proxy.drop();
    await watching.until(
      'live again',
      () => watching.attempts.length === 2 && watching.watcher.status.state === 'live',
    );
    expect(watching.attempts[1]?.from?.revision).toBe(revision);
    expect(watching.attempts[1]?.updates.at(-1)).toMatchObject({ type: 'bookmark', revision });
    expect(watching.batches.map(({ snapshot }) => snapshot.epoch)).toEqual([1, 1]);
    await watching.expectServersState(etcd);
  });
});

test("S09 a lagging follower's created header is far below the cursor: no rollback, nothing lost", async () => {
  await using cluster = await startEtcdCluster(3, FAST);
  const leader = await cluster.leader();
  const follower = cluster.members.find((member) => member !== leader);
  if (follower === undefined) throw new Error('no follower');
  let lagged = false;
  // A follower that has just been continued needs some milliseconds to catch up; nearly always that is enough.
  for (let round = 1; round <= 5 && !lagged; round++) {
    await using proxy = await startProxy(follower);
    follower.pause();
    await putMany(leader, 2_000, (index) => `a/${index % 10}`);
    const cursor = await put(leader, 'a/newest', 'x');
    const state = new Map((await openAndRead(leader)).entries);
    const newest = { key: 'newest', entry: state.get('newest') ?? { value: new Uint8Array() } };

    const { source, target } = openSource(`etcd://${proxy.endpoint}/a/`);
    const { signal } = new AbortController();
    const connection = connectionTo(proxy.endpoint);
    const look = connection.watch(target, cursor, { signal });
    const watches = [{ revision: cursor, proof: { count: state.size, newest } }, { revision: cursor }].map((from) =>
      nextRevision(source.watch(target, { signal, from })),
    );
    await expect.poll(() => proxy.connections.open).toBe(2);
    follower.resume();
    const { watch, created } = await look;
    lagged ||= compareRevisions(created.revision, cursor) < 0;
    watch.close();
    connection.close();
    const next = await put(leader, 'a/newest', 'x');
    for (const revision of await Promise.all(watches)) expect([cursor, next]).toContain(revision);
    await source[Symbol.asyncDispose]();
  }
  expect(lagged, 'a created header below the cursor was seen').toBe(true);
});

/** The revision of the first delta or bookmark. */
async function nextRevision(updates: AsyncIterable<Update>): Promise<string> {
  for await (const update of updates) {
    if (update.type === 'delta' || update.type === 'bookmark') return update.revision;
    const [first] = update.type === 'deltas' ? update.deltas : [];
    if (first !== undefined) return first.revision;
  }
  throw new Error('the watch ended');
}

async function openAndRead(etcd: Etcd): Promise<{ entries: Iterable<readonly [string, Entry]> }> {
  const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`);
  const answer = await source.read?.(target, { signal: new AbortController().signal });
  await source[Symbol.asyncDispose]();
  if (answer === undefined) throw new Error('no read');
  return answer;
}

describe('the cursor', () => {
  test('S20 cut between the created reply and the replay, again and again: all is delivered', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    let cuts = 0;
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`, {
      onUpdate: (update, { from }) => {
        // The first sign of life of a resumed watch is its created reply, whose header is far ahead of the cursor.
        if (from === undefined || update.type !== 'alive' || cuts >= 3) return;
        cuts++;
        proxy.drop();
      },
    });
    await watching.watcher.ready();
    await proxy.cut();
    for (const key of ['a/1', 'a/2', 'a/3']) await put(etcd, key, 'x');
    await del(etcd, 'a/2');
    const revision = await put(etcd, 'a/4', 'x');
    await proxy.resume();
    await watching.untilRevision(revision);
    expect(cuts).toBe(3);
    expect(watching.deltaRevisions).toEqual(['2', '3', '4', '5', '6']);
    await watching.expectServersState(etcd);
  });

  test('S21 cut in the middle of a catch-up over 5,000 revisions, again and again: no gap, no repeat', async () => {
    await using etcd = await startEtcd(FAST);
    await using proxy = await startProxy(etcd);
    let seen = 0;
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`, {
      random: 0.02,
      onUpdate: (update) => {
        if (update.type === 'delta' && ++seen % 900 === 0) proxy.drop();
      },
    });
    await watching.watcher.ready();
    await proxy.cut();
    await putMany(etcd, 5_000, (index) => `a/${index % 700}`);
    await proxy.resume();
    await watching.untilRevision('5001');
    expect(watching.deltaRevisions).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i + 2)));
    expect(watching.attempts.length).toBeGreaterThan(4);
    const told = watching.batches.map(({ snapshot }) => snapshot.revision);
    expect(told).toEqual([...told].sort(compareRevisions));
    expect(new Set(told).size).toBe(told.length);
    expect(watching.attempts.flatMap(({ updates }) => updates).filter(({ type }) => type === 'snapshot')).toHaveLength(
      1,
    );
    await watching.expectServersState(etcd);
  });

  test('a resumed watch that has nothing to replay is live at once, not after ten seconds of silence', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await put(etcd, 'a/1', 'x');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    proxy.drop();
    await watching.until('stale', () => watching.watcher.status.state === 'stale');
    const began = performance.now();
    await watching.until('live', () => watching.watcher.status.state === 'live');
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('compaction', () => {
  test('S41 compacted while the first list is being paged: the list begins again, at one revision', async () => {
    await using etcd = await startEtcd(FAST);
    await putMany(etcd, 1_200, (index) => `a/${String(index).padStart(4, '0')}`);
    let compacted = false;
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`, {
      onUpdate: async (update) => {
        // Between the first page and the second.
        if (update.type !== 'alive' || compacted) return;
        compacted = true;
        await put(etcd, 'a/0000', 'changed');
        await compact(etcd, await del(etcd, 'a/1199'));
      },
    });
    const { revision, entries } = await watching.watcher.ready();
    expect(compacted).toBe(true);
    expect(watching.attempts).toHaveLength(1);
    expect(revision).toBe('1203');
    expect(entries.size).toBe(1_199);
    await watching.until('the first batch', () => watching.batches.length === 1);
    await watching.expectServersState(etcd);
  });

  test('a cursor that the store has not reached, with nothing to prove it by: ROLLED_BACK, not silence', async () => {
    await using etcd = await startEtcd();
    const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`);
    const from = { revision: await put(etcd, 'a/1', 'x') };
    await etcd.wipe();
    await etcd.restart();
    await expect(
      nextRevision(source.watch(target, { signal: AbortSignal.timeout(10_000), from })),
    ).rejects.toMatchObject({
      code: 'ROLLED_BACK',
    });
    await source[Symbol.asyncDispose]();
  });

  test('the watch is told of a compaction past its start: COMPACTED, by the source itself', async () => {
    await using etcd = await startEtcd();
    for (const value of ['1', '2', '3']) await put(etcd, 'a/1', value);
    await compact(etcd, '4');
    const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`);
    const updates = source.watch(target, { signal: new AbortController().signal, from: { revision: '2' } });
    const seen: string[] = [];
    const all = (async () => {
      for await (const { type } of updates) seen.push(type);
    })();
    await expect(all).rejects.toMatchObject({ code: 'COMPACTED' });
    expect(seen).toEqual(['alive']);
    await source[Symbol.asyncDispose]();
  });
});

test('a reader that stops reading stops the stream: the rest waits on the server', async () => {
  await using etcd = await startEtcd(FAST);
  await using proxy = await startProxy(etcd);
  const { source, target } = openSource(`etcd://${proxy.endpoint}/a/`);
  const updates = source.watch(target, { signal: new AbortController().signal })[Symbol.asyncIterator]();
  await expect(updates.next()).resolves.toMatchObject({ value: { type: 'snapshot' } });
  const first = updates.next();
  // 40 MB, one after the other.
  const large = 'x'.repeat(1_000_000);
  for (let i = 0; i < 40; i++) await put(etcd, 'a/1', large);
  await first;
  expect(proxy.bytes.toClient).toBeLessThan(30_000_000);
  const revisions: string[] = [];
  for (let next = first; revisions.length < 40; next = updates.next()) {
    const { value } = await next;
    if (value?.type === 'delta') revisions.push(value.revision);
    if (value?.type === 'deltas') for (const { revision } of value.deltas) revisions.push(revision);
  }
  expect(revisions).toEqual(Array.from({ length: 40 }, (_, i) => String(i + 2)));
  await source[Symbol.asyncDispose]();
});
