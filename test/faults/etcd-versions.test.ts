import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { compact, restoreSnapshot, saveSnapshot } from '../support/etcd-maintenance.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';
import { del, put, putMany, txn, Watching } from './etcd-watching.js';

/** A kill -9 leaves the page cache alone, so fsync proves nothing here and costs the most. */
const FAST = ['--unsafe-no-fsync'];

async function versionOf(etcd: Etcd): Promise<string> {
  return JSON.parse(await etcd.etcdctl(['endpoint', 'status', '-w', 'json']))[0].Status.version;
}

const snapshots = ({ attempts }: Watching): number =>
  attempts.flatMap(({ updates }) => updates).filter(({ type }) => type === 'snapshot').length;

/** The essential promises on the lines of etcd before and after the one that all other tests run on. */
describe.each(['3.5', '3.7'] as const)('etcd %s', (version) => {
  let etcd: Etcd;
  let proxy: TcpProxy;
  beforeAll(async () => {
    etcd = await startEtcd({ version, flags: FAST });
    proxy = await startProxy(etcd);
    expect(await versionOf(etcd)).toMatch(new RegExp(`^${version}\\.`));
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  /** A watch behind the proxy, past its first batch. */
  const watch = (prefix: string) => Watching.started(`etcd://${proxy.endpoint}/${prefix}`);

  test('S01 S02 lists, then follows: a transaction of 100 keys is one batch', async () => {
    await put(etcd, 's02/old', 'x');
    await using watching = await watch('s02/');
    const keys = Array.from({ length: 100 }, (_, i) => `s02/${i}`);
    const revision = await txn(etcd, Object.fromEntries(keys.map((key) => [key, 'x'])));
    const deleted = await del(etcd, 's02/old');
    await watching.untilRevision(deleted);
    expect(watching.batches.map(({ cause, changes, snapshot }) => [cause, changes.length, snapshot.revision])).toEqual([
      ['initial', 1, '2'],
      ['delta', 100, revision],
      ['delta', 1, deleted],
    ]);
    await watching.expectServersState(etcd);
  });

  test('S20 S23 killed -9 and restarted, then cut before the replay: no loss, no repeat, no full read', async () => {
    let cut = false;
    await put(etcd, 's23/1', 'x');
    await using watching = await Watching.started(`etcd://${proxy.endpoint}/s23/`, {
      onUpdate: ({ type }, { from }) => {
        // The first sign of life of a resumed watch is its created reply.
        if (from === undefined || type !== 'alive' || cut) return;
        cut = true;
        proxy.drop();
      },
    });
    await etcd.kill9();
    await watching.untilStale('UNREACHABLE');
    await proxy.cut();
    await etcd.restart();
    const revisions = [await put(etcd, 's23/2', 'x'), await del(etcd, 's23/1'), await put(etcd, 's23/3', 'x')];
    await proxy.resume();
    await watching.untilRevision(revisions.at(-1) ?? '');
    expect(cut).toBe(true);
    expect(watching.deltaRevisions).toEqual(revisions);
    expect(snapshots(watching)).toBe(1);
    await watching.expectServersState(etcd);
  });

  test('S40 compacted while disconnected, with a delete in the gap: a difference, with a synthetic delete', async () => {
    await put(etcd, 's40/gone', 'x');
    await put(etcd, 's40/kept', 'x');
    await using watching = await watch('s40/');
    await proxy.cut();
    await del(etcd, 's40/gone');
    const last = await put(etcd, 's40/new', 'x');
    await compact(etcd, last);
    await proxy.resume();
    await watching.untilRevision(last);
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'COMPACTED' }));
    const [, resync, ...rest] = watching.batches;
    expect(rest).toEqual([]);
    expect(resync).toMatchObject({ cause: 'resync', snapshot: { epoch: 1 } });
    expect(resync?.changes.map(({ type, key }) => `${type} ${key}`).sort()).toEqual(['delete gone', 'put new']);
    expect(resync?.changes.find(({ type }) => type === 'delete')).toMatchObject({ synthetic: true });
    await watching.expectServersState(etcd);
  });

  test('S42 wiped and refilled below the cursor: a new epoch, the right state', async () => {
    const cursor = await put(etcd, 's42/old', 'x');
    await using watching = await watch('s42/');
    await proxy.cut();
    await etcd.wipe();
    await etcd.restart();
    const revision = await put(etcd, 's42/new', 'x');
    expect(Number(revision)).toBeLessThan(Number(cursor));
    await proxy.resume();
    await watching.until('the new epoch', () => watching.batches.at(-1)?.snapshot.epoch === 2);
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'ROLLED_BACK' }));
    await watching.expectServersState(etcd);
  });

  test('S43 wiped and refilled above the cursor: the proof fails, a full read, the right state', async () => {
    const cursor = await put(etcd, 's43/old', 'x');
    await using watching = await watch('s43/');
    await proxy.cut();
    await etcd.wipe();
    await etcd.restart();
    await putMany(etcd, Number(cursor), (index) => `s43/${index}`);
    const revision = await put(etcd, 's43/new', 'x');
    expect(Number(revision)).toBeGreaterThan(Number(cursor));
    await proxy.resume();
    await watching.untilRevision(revision);
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'OTHER_HISTORY' }));
    expect(watching.watcher.snapshot?.epoch).toBe(2);
    await watching.expectServersState(etcd);
  });

  test('S05 S43 restored beyond 2^53 with other content: the right state, and it goes on exactly', async () => {
    await put(etcd, 's05/1', 'saved');
    const file = await saveSnapshot(etcd);
    await put(etcd, 's05/1', 'lost');
    await put(etcd, 's05/2', 'lost');
    await using watching = await watch('s05/');
    await restoreSnapshot([etcd], file, { bumpRevision: 2n ** 53n });
    await watching.until('the saved state', () => watching.model.size === 1);
    expect(watching.batches.at(-1)?.cause).toBe('resync');
    await watching.expectServersState(etcd);
    const revision = await put(etcd, 's05/3', 'x');
    expect(BigInt(revision)).toBeGreaterThan(2n ** 53n);
    await watching.untilRevision(revision);
    const last = await del(etcd, 's05/1');
    expect(BigInt(last)).toBe(BigInt(revision) + 1n);
    await watching.untilRevision(last);
    await watching.expectServersState(etcd);
  });
});

test('S30 on 3.5 and 3.7 an idle watch proves that it lives, and how far, by progress replies', async () => {
  const idle = async (version: '3.5' | '3.7'): Promise<void> => {
    await using etcd = await startEtcd({ version, flags: FAST });
    await using watching = await Watching.started(`etcd://${etcd.endpoint}/a/`);
    const elsewhere = await put(etcd, 'b/1', 'x');
    await watching.until('a bookmark', () => watching.attempts[0]?.updates.at(-1)?.type === 'bookmark');
    await expect.poll(() => watching.watcher.snapshot?.revision).toBe(elsewhere);
    expect(watching.attempts).toHaveLength(1);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
  };
  await Promise.all([idle('3.5'), idle('3.7')]);
});

test.each([
  ['3.5', '3.6'],
  ['3.6', '3.7'],
] as const)('S23 upgraded from %s to %s under a watch: no loss, no repeat, no full read', async (from, to) => {
  await using etcd = await startEtcd({ version: from, flags: FAST });
  await put(etcd, 'a/1', 'x');
  await using watching = await Watching.started(`etcd://${etcd.endpoint}/a/`);
  await etcd.stop();
  await watching.until('stale', () => watching.watcher.status.state === 'stale');
  await etcd.restart(to);
  expect(await versionOf(etcd)).toMatch(new RegExp(`^${to}\\.`));
  const revision = await put(etcd, 'a/2', 'x');
  await watching.untilRevision(revision);
  expect(watching.deltaRevisions).toEqual([revision]);
  expect(snapshots(watching)).toBe(1);
  await watching.expectServersState(etcd);
});
