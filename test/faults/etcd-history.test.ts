import { describe, expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { compact, restoreSnapshot, saveSnapshot } from '../support/etcd-maintenance.js';
import { startProxy } from '../support/proxy.js';
import { del, put, Watching } from './etcd-watching.js';

/** The adapter's view of how each attempt began. */
const begins = (watching: Watching): (string | undefined)[] =>
  watching.attempts.filter(({ updates }) => updates.length > 0).map(({ from }) => from?.revision);

const snapshots = (watching: Watching): number =>
  watching.attempts.flatMap(({ updates }) => updates).filter(({ type }) => type === 'snapshot').length;

describe('the same history', () => {
  test.each([
    ['killed -9', 'kill9'],
    ['ended properly', 'stop'],
  ] as const)('S23 %s and restarted with its data: no loss, no repeat, no full read', async (_, end) => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/1', 'x');
    await put(etcd, 'a/2', 'x');
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    const { entries } = await watching.watcher.ready();
    const unchanged = entries.get('1');
    await etcd[end]();
    await watching.until('stale', () => watching.watcher.status.state === 'stale');
    await etcd.restart();
    await del(etcd, 'a/2');
    const revision = await put(etcd, 'a/3', 'y');
    await watching.untilRevision(revision);
    expect(snapshots(watching)).toBe(1);
    expect(watching.deltaRevisions).toEqual(['4', '5']);
    expect(watching.watcher.snapshot?.entries.get('1')).toBe(unchanged);
    expect(watching.batches.every(({ snapshot }) => snapshot.epoch === 1)).toBe(true);
    await watching.expectServersState(etcd);
  });

  test('S40 compacted while disconnected, with deletes in the gap: a difference, with synthetic deletes', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    for (const key of ['a/kept', 'a/gone', 'a/recreated', 'a/changed']) await put(etcd, key, 'before');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await watching.until('the first batch', () => watching.batches.length === 1);
    await proxy.cut();
    await del(etcd, 'a/gone');
    await del(etcd, 'a/recreated');
    await put(etcd, 'a/recreated', 'before');
    const last = await put(etcd, 'a/changed', 'after');
    await compact(etcd, last);
    await proxy.resume();
    await watching.untilRevision(last);
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'COMPACTED' }));
    const [, resync, ...rest] = watching.batches;
    expect(rest).toEqual([]);
    expect(resync?.cause).toBe('resync');
    expect(resync?.snapshot.epoch).toBe(1);
    expect(resync?.changes.map(({ type, key }) => `${type} ${key}`).sort()).toEqual([
      'delete gone',
      'put changed',
      'put recreated',
    ]);
    expect(resync?.changes.find(({ type }) => type === 'delete')).toMatchObject({ synthetic: true });
    await watching.expectServersState(etcd);
  });

  test('S49 a lease that expires is a delete, told by the server', async () => {
    await using etcd = await startEtcd();
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    const granted = await etcd.etcdctl(['lease', 'grant', '1']);
    const lease = /lease (\w+) granted/.exec(granted)?.[1];
    await etcd.etcdctl(['put', `--lease=${lease}`, 'a/1', 'x']);
    await watching.until('the delete', () => watching.changes.at(-1)?.type === 'delete');
    expect(watching.changes.map(({ type, key }) => [type, key])).toEqual([
      ['put', '1'],
      ['delete', '1'],
    ]);
    expect(watching.changes.at(-1)).toMatchObject({ synthetic: false });
    await watching.expectServersState(etcd);
  });
});

describe('another history', () => {
  test('S42 wiped and refilled below the cursor: a new epoch, the right state', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    for (const value of ['1', '2', '3', '4']) await put(etcd, 'a/old', value);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    await etcd.wipe();
    await etcd.restart();
    const revision = await put(etcd, 'a/new', 'x');
    await proxy.resume();
    await watching.until('the new epoch', () => watching.batches.at(-1)?.snapshot.epoch === 2);
    expect(revision).toBe('2');
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'ROLLED_BACK' }));
    expect(begins(watching)).toEqual([undefined, '5', undefined]);
    await watching.expectServersState(etcd);
  });

  test('S42 restored from a snapshot at a lower revision: a new epoch, the right state, and it goes on', async () => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/1', 'saved');
    const file = await saveSnapshot(etcd);
    await put(etcd, 'a/1', 'lost');
    await put(etcd, 'a/2', 'lost');
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    await restoreSnapshot([etcd], file);
    await watching.until('the new epoch', () => watching.batches.at(-1)?.snapshot.epoch === 2);
    await watching.expectServersState(etcd);
    await watching.untilRevision(await put(etcd, 'a/3', 'x'));
    await watching.expectServersState(etcd);
  });

  test('S43 wiped and refilled above the cursor: the proof fails, a full read, the right state', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    for (const key of ['a/1', 'a/2', 'a/3', 'a/4']) await put(etcd, key, 'old');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    await etcd.wipe();
    await etcd.restart();
    for (const key of ['a/5', 'a/6', 'a/7', 'a/8', 'a/9']) await put(etcd, key, 'new');
    const revision = await put(etcd, 'a/4', 'new');
    await proxy.resume();
    await watching.untilRevision(revision);
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'OTHER_HISTORY' }));
    expect(watching.watcher.snapshot?.epoch).toBe(2);
    await watching.expectServersState(etcd);
  });

  test('S43 refilled with the newest key the same, another key different: the count tells', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await put(etcd, 'a/1', 'x');
    await put(etcd, 'a/2', 'x');
    await put(etcd, 'a/newest', 'x');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    await etcd.wipe();
    await etcd.restart();
    await put(etcd, 'a/1', 'x');
    await put(etcd, 'b/2', 'x');
    await put(etcd, 'a/newest', 'x');
    await put(etcd, 'a/later', 'x');
    await proxy.resume();
    await watching.until('the new epoch', () => watching.batches.at(-1)?.snapshot.epoch === 2);
    await watching.expectServersState(etcd);
  });

  test('S43 wiped and refilled above the cursor while the prefix was empty: the count of nothing proves it', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    for (const key of ['b/1', 'b/2', 'b/3']) await put(etcd, key, 'old');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    await etcd.wipe();
    await etcd.restart();
    for (const key of ['a/1', 'b/2', 'b/3', 'b/4']) await put(etcd, key, 'new');
    await proxy.resume();
    await watching.until('the new epoch', () => watching.batches.at(-1)?.snapshot.epoch === 2);
    await watching.expectServersState(etcd);
  });

  test('S43 restored with a bumped revision and other content: full read, the right state', async () => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/1', 'saved');
    const file = await saveSnapshot(etcd);
    await put(etcd, 'a/1', 'lost');
    await put(etcd, 'a/2', 'lost');
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    await restoreSnapshot([etcd], file, { bumpRevision: 1000n });
    await watching.until('the saved state', () => watching.model.size === 1);
    expect(watching.batches.at(-1)?.cause).toBe('resync');
    await watching.expectServersState(etcd);
    await watching.untilRevision(await put(etcd, 'a/3', 'x'));
    await watching.expectServersState(etcd);
  });
});

test('S05 revisions beyond 2^53 are exact: list, deltas, resume, bookmark and delete', async () => {
  await using etcd = await startEtcd();
  await put(etcd, 'a/1', 'saved');
  const file = await saveSnapshot(etcd);
  await restoreSnapshot([etcd], file, { bumpRevision: 2n ** 53n });
  await using proxy = await startProxy(etcd);
  await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
  await watching.watcher.ready();
  const first = await put(etcd, 'a/2', 'x');
  expect(BigInt(first)).toBeGreaterThan(2n ** 53n);
  await watching.untilRevision(first);
  await proxy.cut();
  await put(etcd, 'a/3', 'x');
  const last = await del(etcd, 'a/1');
  await proxy.resume();
  await watching.untilRevision(last);
  expect(watching.deltaRevisions).toEqual([0n, 1n, 2n].map((more) => String(BigInt(first) + more)));
  expect(snapshots(watching)).toBe(1);
  await watching.expectServersState(etcd);
});
