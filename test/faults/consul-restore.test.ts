import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Consul, type ConsulCluster, startConsul, startConsulCluster } from '../support/consul.js';
import { editSnapshot, restoreSnapshot, saveSnapshot } from '../support/consul-snapshot.js';
import { startProxy } from '../support/proxy.js';
import { Followed, write } from './consul-followed.js';
import { deregister } from './consul-instances.js';
import { del, put, Watching, type WatchingOptions } from './consul-watching.js';

/** Short waits: who follows instances learns of a restored snapshot only when the wait is over. */
const FAST: WatchingOptions = { waitMs: 1_000, random: 0.05 };

/** One for all tests: each has names of its own. A restore takes away what was written since the save, not more. */
let cluster: ConsulCluster;
let leader: Consul;
let follower: Consul;
let agent: Consul;
beforeAll(async () => {
  cluster = await startConsulCluster(3);
  agent = await cluster.startAgent();
  leader = await vi.waitUntil(() => cluster.leader());
  const [other] = cluster.servers.filter((server) => server !== leader);
  if (other === undefined) throw new Error('three servers were started');
  follower = other;
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

/** Until the end of the test. */
async function through({ endpoint }: { readonly endpoint: string }, name: string): Promise<Followed> {
  const both = await Followed.started(name, (what) => new Watching(`consul://${endpoint}/${what}`, FAST));
  onTestFinished(() => both[Symbol.asyncDispose]());
  return both;
}

async function remove(server: Consul, name: string, id: string): Promise<void> {
  await del(server, `${name}/${id}`);
  await deregister(server, name, id);
}

/** Waits until keys and instances have begun another history: the server's answers count from a lower index. */
async function anotherHistory({ both }: Followed): Promise<void> {
  for (const { watcher } of both) await vi.waitUntil(() => watcher.snapshot?.epoch === 2, { timeout: 10_000 });
}

/** The index of the keys under a prefix, at which a query blocks. */
async function indexOf(server: Consul, prefix: string): Promise<number> {
  return Number((await server.http(`/v1/kv/${prefix}?recurse`)).headers['x-consul-index']);
}

/** Asserts what keys and instances were told since their first batch, in any order. */
function expectTold({ told }: Followed, ...changes: string[]): void {
  expect(told.map((each) => [...each].sort())).toEqual([changes, changes]);
}

describe('`consul snapshot restore`, watched through the leader, a follower and an agent', () => {
  const everywhere = (name: string): Promise<Followed[]> =>
    Promise.all([leader, follower, agent].map((one) => through(one, name)));

  test('S45 the index goes back: read again, each difference told once, in a new epoch', async () => {
    for (const id of ['1', '2', '3']) await write(leader, 's45', id, 1);
    const file = await saveSnapshot(leader);
    await write(leader, 's45', '1', 2);
    await remove(leader, 's45', '3');
    await write(leader, 's45', '4', 2);
    const all = await everywhere('s45');
    await restoreSnapshot(follower, file);
    for (const one of all) {
      await one.number('3', 1);
      await anotherHistory(one);
      expectTold(one, 'delete 4', 'put 1', 'put 3');
      await one.expectServersState(leader);
    }
    await write(leader, 's45', '5', 3);
    for (const one of all) {
      await one.number('5', 3);
      expectTold(one, 'delete 4', 'put 1', 'put 3', 'put 5');
      await one.expectServersState(leader);
    }
  });

  test('S45 the same content with a lower index: no batch', async () => {
    await write(leader, 's45-same', '1', 1);
    const file = await saveSnapshot(leader);
    await write(leader, 's45-same', '2', 1);
    await remove(leader, 's45-same', '2');
    const all = await everywhere('s45-same');
    await restoreSnapshot(follower, file);
    await Promise.all(all.map(anotherHistory));
    await write(leader, 's45-same', '3', 1);
    for (const one of all) {
      await one.number('3', 1);
      expectTold(one, 'put 3');
      await one.expectServersState(leader);
    }
  });

  test('S45 another value at the very same index, and writes that carry the index on before it is noticed', async () => {
    await write(leader, 's45-twin', '1', 4321);
    const file = await editSnapshot(await saveSnapshot(leader), '4321', '8765');
    const all = await everywhere('s45-twin');
    await restoreSnapshot(follower, file);
    await write(leader, 's45-twin', '2', 1);
    for (const one of all) {
      await one.number('2', 1);
      await one.keys.value('1', '8765');
      await one.expectServersState(leader);
    }
  });
});

test('S45 a snapshot is restored during a gap: a difference, told once', async () => {
  for (const id of ['1', '2']) await write(leader, 's45-gap', id, 1);
  const file = await saveSnapshot(leader);
  await remove(leader, 's45-gap', '2');
  await write(leader, 's45-gap', '3', 1);
  await using proxy = await startProxy(agent);
  const watched = await through(proxy, 's45-gap');
  await proxy.cut();
  await watched.stale();
  await restoreSnapshot(leader, file);
  await write(leader, 's45-gap', '4', 1);
  await proxy.resume();
  await watched.number('4', 1);
  expectTold(watched, 'delete 3', 'put 2', 'put 4');
  for (const { batches } of watched.both) expect(batches.map(({ cause }) => cause)).toEqual(['initial', 'resync']);
  await watched.expectServersState(leader);
});

test('S44 another Consul behind the same address, above the index and below it: its state, as a difference', async () => {
  await using alone = await startConsul();
  for (const id of ['alone', 'both', 'same']) await write(alone, 's44', id, 1);
  do await write(leader, 's44', 'both', 2);
  while ((await indexOf(leader, 's44/')) <= (await indexOf(alone, 's44/')));
  await write(leader, 's44', 'same', 1);
  await using proxy = await startProxy(alone);
  const watched = await through(proxy, 's44');
  for (const { consul, both, told } of [
    // Nothing tells the one from the other: by its index it could be the same store, so what was written anew is told.
    { consul: leader, both: 2, told: ['delete alone', 'put both', 'put same'] },
    { consul: alone, both: 1, told: ['put alone', 'put both'] },
  ]) {
    const before = watched.told;
    await proxy.cut();
    await watched.stale();
    proxy.retarget(consul);
    await proxy.resume();
    await watched.number('both', both);
    expect(watched.told.map((each, i) => each.slice(before[i]?.length).sort())).toEqual([told, told]);
    await watched.expectServersState(consul);
  }
  await write(alone, 's44', 'later', 1);
  await watched.number('later', 1);
  await watched.expectServersState(alone);
});

// Consul reaps tombstones after 15 min, which no configuration shortens. So the store is saved with the tombstone, and
// restored with that of another prefix in its place: what a query on the prefix sees is what it sees when it was reaped.
describe('the tombstone of a deleted key is reaped', () => {
  test('S46 during a gap, so that the index is what it was: the delete is seen', async () => {
    for (const id of ['1', '2', '3']) await put(leader, `s46-a/${id}`, 'x');
    await using proxy = await startProxy(follower);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/s46-a/`, FAST);
    const before = await indexOf(leader, 's46-a/');
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    await del(leader, 's46-a/2');
    expect(await indexOf(leader, 's46-a/')).not.toBe(before);
    await restoreSnapshot(leader, await editSnapshot(await saveSnapshot(leader), 's46-a/2', 's46-z/2'));
    expect(await indexOf(leader, 's46-a/')).toBe(before);
    await proxy.resume();
    await watching.until('the delete', () => watching.told.length > 0);
    expect(watching.told).toEqual(['delete 2']);
    await watching.expectServersState(leader);
  });

  test('S46 while it is watched, so that the index goes back: no batch', async () => {
    for (const id of ['1', '2', '3']) await put(leader, `s46-b/${id}`, 'x');
    await using watching = await Watching.started(`consul://${follower.endpoint}/s46-b/`, FAST);
    await del(leader, 's46-b/2');
    await watching.until('the delete', () => watching.told.length > 0);
    const before = await indexOf(leader, 's46-b/');
    await restoreSnapshot(leader, await editSnapshot(await saveSnapshot(leader), 's46-b/2', 's46-z/2'));
    const after = await indexOf(leader, 's46-b/');
    expect(after).toBeLessThan(before);
    await vi.waitUntil(() => watching.watcher.snapshot?.revision === String(after), { timeout: 10_000 });
    await del(leader, 's46-b/3');
    await watching.until('the next', () => watching.told.length > 1);
    expect(watching.told).toEqual(['delete 2', 'delete 3']);
    await watching.expectServersState(leader);
  });
});
