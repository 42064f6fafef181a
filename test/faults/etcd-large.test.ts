import { describe, expect, test, vi } from 'vitest';
import { request } from '../../servers/http.mjs';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { startProxy } from '../support/proxy.js';
import { del, put, readable, stateAt, Watching } from './etcd-watching.js';

vi.setConfig({ testTimeout: 60_000 });

/** As an operator sets them who writes large transactions. */
const ROOMY = { flags: ['--unsafe-no-fsync', '--max-txn-ops=20000', '--max-request-bytes=16777216'] };
const MEGABYTE = 'x'.repeat(1_000_000);
/** The least that may be set, bytes. */
const LEAST_LIMIT = 2 * 1024 * 1024;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** One transaction of puts, by the JSON gateway. @returns its revision. */
async function putAll(etcd: Etcd, entries: Iterable<readonly [string, string]>): Promise<string> {
  const success = Array.from(entries, ([key, value]) => ({ request_put: { key: base64(key), value: base64(value) } }));
  const options = { method: 'POST', body: JSON.stringify({ success }), timeoutMs: 30_000 };
  const { status, body } = await request(`http://${etcd.endpoint}/v3/kv/txn`, options);
  if (status !== 200) throw new Error(body);
  return JSON.parse(body).header.revision;
}

function* entries(from: number, to: number, value = 'x'): Generator<[string, string]> {
  for (let i = from; i < to; i++) yield [`a/${String(i).padStart(6, '0')}`, value];
}

async function fill(etcd: Etcd, count: number): Promise<void> {
  for (let from = 0; from < count; from += 5_000) await putAll(etcd, entries(from, Math.min(from + 5_000, count)));
}

/** How many keys the server says there are. */
async function countOf(etcd: Etcd): Promise<number> {
  const body = JSON.stringify({ key: base64('a/'), range_end: base64('a0'), count_only: true });
  const answer = await request(`http://${etcd.endpoint}/v3/kv/range`, { method: 'POST', body, timeoutMs: 10_000 });
  return Number(JSON.parse(answer.body).count);
}

describe('large', () => {
  test('100,000 keys under a prefix: all of them, then a change, a break and another change', async () => {
    await using etcd = await startEtcd(ROOMY);
    await using proxy = await startProxy(etcd);
    await fill(etcd, 100_000);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    const { entries: held } = await watching.watcher.ready();
    expect(held.size).toBe(await countOf(etcd));
    await watching.untilRevision(await put(etcd, 'a/050000', 'changed'));
    await proxy.cut();
    await etcd.etcdctl(['del', 'a/000000', 'a/000100']);
    const last = await put(etcd, 'a/099999', 'changed');
    await proxy.resume();
    await watching.untilRevision(last);
    expect(watching.batches.map(({ cause, changes }) => [cause, changes.length])).toEqual([
      ['initial', 100_000],
      ['delta', 1],
      ['delta', 100],
      ['delta', 1],
    ]);
    expect(readable(watching.watcher.snapshot?.entries ?? [])).toEqual(
      await stateAt(etcd, { prefix: 'a/', revision: last }),
    );
  });

  test('a transaction of 10,000 keys is one batch, live and in a gap', async () => {
    await using etcd = await startEtcd(ROOMY);
    await using proxy = await startProxy(etcd);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await watching.untilRevision(await putAll(etcd, entries(0, 10_000)));
    await proxy.cut();
    const second = await putAll(etcd, entries(5_000, 15_000, 'y'));
    await proxy.resume();
    await watching.untilRevision(second);
    expect(watching.batches.map(({ cause, changes }) => [cause, changes.length])).toEqual([
      ['initial', 0],
      ['delta', 10_000],
      ['delta', 10_000],
    ]);
    await watching.expectServersState(etcd);
  });

  test('S32 a backlog of 20 MB comes whole: each revision told, nothing read anew', async () => {
    await using etcd = await startEtcd(ROOMY);
    await using proxy = await startProxy(etcd);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    const revisions = [];
    for (let i = 0; i < 20; i++) revisions.push(await put(etcd, `a/${i % 3}`, MEGABYTE));
    await proxy.resume();
    await watching.untilRevision(revisions.at(-1) ?? '');
    expect(watching.deltaRevisions).toEqual(revisions);
    await watching.expectServersState(etcd);
  });
});

describe('above the limit', () => {
  test('S32 a backlog: read anew in the same epoch, and the watch goes on', async () => {
    await using etcd = await startEtcd(ROOMY);
    await using proxy = await startProxy(etcd);
    await put(etcd, 'a/gone', 'x');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`, { maxMessageBytes: LEAST_LIMIT });
    await watching.watcher.ready();
    await proxy.cut();
    await etcd.etcdctl(['del', 'a/gone']);
    for (let i = 0; i < 4; i++) await put(etcd, `a/${i}`, MEGABYTE);
    await proxy.resume();
    await watching.untilRevision('7');
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code: 'TOO_LARGE' }));
    expect(watching.batches.map(({ cause, snapshot }) => [cause, snapshot.epoch])).toEqual([
      ['initial', 1],
      ['resync', 1],
    ]);
    await watching.untilRevision(await put(etcd, 'a/next', 'x'));
    await watching.expectServersState(etcd);
  });

  test('S32 one transaction, while the watch is live', async () => {
    await using etcd = await startEtcd(ROOMY);
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`, { maxMessageBytes: LEAST_LIMIT });
    await watching.watcher.ready({ fresh: true });
    const revision = await putAll(etcd, entries(0, 5, MEGABYTE));
    await watching.untilRevision(revision);
    await watching.expectServersState(etcd);
  });

  test('S32 a page of the list: it is read in smaller ones', async () => {
    await using etcd = await startEtcd(ROOMY);
    await putAll(etcd, entries(0, 500, 'x'.repeat(20_000)));
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`, { maxMessageBytes: LEAST_LIMIT });
    await watching.watcher.ready();
    await watching.expectServersState(etcd);
  });

  test('S32 a state above the limit, of which little changed: it is continued, not read anew', async () => {
    await using etcd = await startEtcd(ROOMY);
    await using proxy = await startProxy(etcd);
    for (let i = 0; i < 30; i++) await put(etcd, `a/${i}`, 'x'.repeat(100_000));
    await using watching = await Watching.started(`etcd://${proxy.endpoint}/a/`, { maxMessageBytes: LEAST_LIMIT });
    await proxy.cut();
    await del(etcd, 'a/1');
    const last = await put(etcd, 'a/2', 'y');
    await proxy.resume();
    await watching.untilRevision(last);
    expect(watching.batches.map(({ cause }) => cause)).toEqual(['initial', 'delta', 'delta']);
  });
});
