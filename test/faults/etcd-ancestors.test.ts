import { describe, expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { compact } from '../support/etcd-maintenance.js';
import { startProxy } from '../support/proxy.js';
import { del, put, Watching } from './etcd-watching.js';

/** Each bug that the hand-written watchers before this one had, as a test that fails on their logic. */
describe('the bugs of the ancestors', () => {
  test('a compacted revision that never resyncs: it resyncs, and again after the next compaction', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await put(etcd, 'a/1', 'x');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    for (const value of ['first', 'second']) {
      await proxy.cut();
      await put(etcd, 'a/1', `${value} gap`);
      const last = await put(etcd, 'a/1', value);
      await compact(etcd, last);
      await proxy.resume();
      await watching.untilRevision(last);
      await watching.expectServersState(etcd);
    }
    const compacted = watching.attempts.map(({ error }) => error).filter((error) => `${error}`.includes('compacted'));
    expect(compacted).toHaveLength(2);
  });

  test('a watch revision that is never saved: after a break nothing is told twice', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    for (const key of ['a/1', 'a/2', 'a/3']) await watching.untilRevision(await put(etcd, key, 'x'));
    proxy.drop();
    await watching.until('resumed', () => watching.attempts.length === 2 && watching.watcher.status.state === 'live');
    expect(watching.attempts[1]?.from?.revision).toBe('4');
    await watching.untilRevision(await put(etcd, 'a/4', 'x'));
    expect(watching.deltaRevisions).toEqual(['2', '3', '4', '5']);
    await watching.expectServersState(etcd);
  });

  test('a DELETE with no value that crashes: it is told, with the value that was', async () => {
    await using etcd = await startEtcd();
    await put(etcd, 'a/empty', '');
    await put(etcd, 'a/full', 'x');
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`);
    await watching.watcher.ready();
    await del(etcd, 'a/empty');
    await watching.untilRevision(await del(etcd, 'a/full'));
    expect(watching.changes.slice(2)).toMatchObject([
      { type: 'delete', key: 'empty', revision: '4', synthetic: false, previous: { value: new Uint8Array() } },
      { type: 'delete', key: 'full', revision: '5', synthetic: false, previous: { value: new Uint8Array([120]) } },
    ]);
    await watching.expectServersState(etcd);
  });

  test('an error that is retried without a pause: attempts are few while the server is away', async () => {
    await using etcd = await startEtcd();
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`, { random: 0.5 });
    await watching.watcher.ready();
    await etcd.kill9();
    // While nobody answers, dials begin 0.5 to 1 s apart: the sixth attempt fails after four such pauses, or more.
    const began = performance.now();
    await watching.until('six attempts', () => watching.attempts.filter(({ error }) => error).length === 6);
    expect(performance.now() - began).toBeGreaterThan(2_000);
    await etcd.restart();
    await watching.untilRevision(await put(etcd, 'a/1', 'x'));
    await watching.expectServersState(etcd);
  });

  test('`stop` that does not stop: after close nothing is delivered, nothing connects again', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    const watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    await watching.until('stale', () => watching.watcher.status.state === 'stale');
    await watching.watcher.close();
    const { total } = proxy.connections;
    const told = watching.batches.length;
    const attempts = watching.attempts.length;
    await proxy.resume();
    await put(etcd, 'a/1', 'x');
    // A second watch sees the write through the same proxy: by then the closed one would have, too.
    await using second = new Watching(`etcd://${proxy.endpoint}/a/`);
    await second.watcher.ready();
    await second.untilRevision(await put(etcd, 'a/2', 'x'));
    expect(proxy.connections.total).toBe(total + 1);
    expect(watching.batches).toHaveLength(told);
    expect(watching.attempts).toHaveLength(attempts);
    expect(watching.watcher.status.state).toBe('closed');
    await watching[Symbol.asyncDispose]();
  });

  test('a deleted key that stays: deleted in a gap, it is gone, with or without a compaction', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startProxy(etcd);
    for (const key of ['a/1', 'a/2', 'a/3']) await put(etcd, key, 'x');
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`);
    await watching.watcher.ready();
    await proxy.cut();
    const first = await del(etcd, 'a/1');
    await proxy.resume();
    await watching.untilRevision(first);
    await proxy.cut();
    const second = await del(etcd, 'a/2');
    await compact(etcd, second);
    await proxy.resume();
    await watching.until('the second delete', () => !watching.model.has('2'));
    expect([...watching.model.keys()]).toEqual(['3']);
    await watching.expectServersState(etcd);
  });
});
