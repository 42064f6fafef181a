import { createRegistry } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { afterEach, expect, test, vi } from 'vitest';
import { Transport, type WatchCall } from '../../packages/etcd/src/rpc/transport.js';
import { request } from '../../servers/http.mjs';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { put, readable, stateAt } from './etcd-watching.js';

vi.setConfig({ testTimeout: 60_000 });

type Request = Parameters<WatchCall['write']>[0];

afterEach(() => {
  vi.restoreAllMocks();
});

/** The streams as they are opened, and questions for progress that wait to leave together with the next creation. */
function slowNetwork(): { readonly calls: WatchCall[]; readonly delayed: Request[] } {
  const calls: WatchCall[] = [];
  const delayed: Request[] = [];
  const open = Transport.prototype.watch;
  vi.spyOn(Transport.prototype, 'watch').mockImplementation(function (this: Transport, token) {
    const call = open.call(this, token);
    const write: (request: Request) => boolean = call.write.bind(call);
    call.write = (request: Request) => {
      if (request.type === 'progress') return delayed.push(request) > 0;
      if (request.type === 'create') for (const question of delayed.splice(0)) write(question);
      return write(request);
    };
    calls.push(call);
    return call;
  });
  return { calls, delayed };
}

async function watchersOn(etcd: Etcd): Promise<number> {
  const { body } = await request(`http://${etcd.endpoint}/metrics`, { timeoutMs: 10_000 });
  return Number(/^etcd_debugging_mvcc_watcher_total (\S+)$/m.exec(body)?.[1]);
}

test.each(['3.5', '3.6', '3.7'] as const)(
  'S20 etcd %s: a progress reply that was on its way when a watch was created proves nothing for that watch',
  async (version) => {
    const { calls, delayed } = slowNetwork();
    await using etcd = await startEtcd({ version, flags: ['--unsafe-no-fsync', '--metrics=extensive'] });
    const since = await put(etcd, 'b/0', 'x');
    const last = await put(etcd, 'b/1', 'y');
    await using registry = createRegistry({ adapters: [etcdAdapter] });
    const busy = registry.watch(`etcd://${etcd.endpoint}/a/`);
    await busy.ready({ fresh: true });
    // A watch that is continued has the stream asked for progress soon.
    registry.watch(`etcd://${etcd.endpoint}/c/`, { since });
    await vi.waitUntil(() => delayed.length > 0, { timeout: 10_000 });

    // What comes faster than it is read waits on the server, and the reply to the question behind it. Confirmations have a
    // queue of their own there, and overtake both.
    const [call] = calls;
    call?.pause();
    for (let i = 0; i < 40; i++) await put(etcd, 'a/1', 'x'.repeat(100_000));
    const watcher = registry.watch(`etcd://${etcd.endpoint}/b/`, { since });
    await expect.poll(() => watchersOn(etcd)).toBe(3);
    call?.resume();
    await vi.waitUntil(() => BigInt(watcher.snapshot?.revision ?? 0) >= BigInt(last), { timeout: 10_000 });
    expect(readable(watcher.snapshot?.entries ?? [])).toEqual(await stateAt(etcd, { prefix: 'b/', revision: last }));
    expect(calls).toHaveLength(1);
  },
);
