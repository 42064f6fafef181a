import { createRegistry, type Watcher } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Doors } from '../support/doors.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { type EtcdCluster, startEtcdCluster } from '../support/etcd-cluster.js';
import { startProxy } from '../support/proxy.js';
import { SteadyWriter } from '../support/steady-writer.js';
import { put, putMany, readable, stateAt, Watching } from './etcd-watching.js';

/** One for all tests: each leaves three members that are well. */
let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await startEtcdCluster(3, { partitionable: true, flags: ['--unsafe-no-fsync'] });
});
afterAll(() => cluster[Symbol.asyncDispose]());
afterEach(async () => {
  for (const member of cluster.members) if (member.running) member.resume();
  await cluster.heal();
  await Promise.all(cluster.members.map((member) => (member.running ? undefined : member.restart())));
  await cluster.leader();
});

const others = (...members: Etcd[]): Etcd[] => cluster.members.filter((member) => !members.includes(member));

function oneOf(members: readonly Etcd[]): Etcd {
  const [member] = members;
  if (member === undefined) throw new Error('no member is left');
  return member;
}

const urlOf = (doors: Doors<Etcd>, prefix: string): string => `etcd://${doors.endpoints}/${prefix}`;

/** A watch on this member, past its beginning, that may move to the others behind the doors. */
async function watchOn(member: Etcd, doors: Doors<Etcd>, prefix: string): Promise<Watching> {
  const watching = doors.inOrder([member], () => new Watching(urlOf(doors, prefix)));
  // A list counts once the stream is confirmed.
  await watching.watcher.ready();
  expect(doors.used).toEqual([member]);
  return watching;
}

/** By the JSON gateway: a process for each put would take too long. */
function writerOf(members: readonly Etcd[], prefix: string): SteadyWriter<Etcd> {
  return new SteadyWriter(members, async ({ endpoint }, number) => {
    const [key, value] = [`${prefix}${number % 10}`, `v${number}`].map((text) => Buffer.from(text).toString('base64'));
    // A member that has lost its leader holds a put for 7 s: the next member may have another by then.
    const request = { method: 'POST', body: JSON.stringify({ key, value }), signal: AbortSignal.timeout(1_000) };
    const answer = await fetch(`http://${endpoint}/v3/kv/put`, request);
    if (!answer.ok) throw new Error(await answer.text());
    await answer.arrayBuffer();
  });
}

/** Asserts that every revision after the first state was told, each once and in order; each must be under the prefix. */
function expectToldOnce({ batches, deltaRevisions }: Watching, last: string): void {
  const first = Number(batches[0]?.snapshot.revision);
  expect(deltaRevisions).toEqual(Array.from({ length: Number(last) - first }, (_, i) => String(first + 1 + i)));
  expect(batches.map(({ cause }) => cause)).toEqual(batches.map((_, i) => (i === 0 ? 'initial' : 'delta')));
}

/** Waits until a member has noticed that it has no leader. */
async function untilLeaderless(member: Etcd): Promise<void> {
  await expect.poll(() => member.etcdctl(['endpoint', 'status']), { timeout: 10_000 }).toContain('no leader');
}

/** How far a member itself has come, with a leader or without. */
async function revisionHeld(member: Etcd): Promise<number> {
  const answer = await member.etcdctl(['get', 'x', '--consistency=s', '-w', 'json']);
  return JSON.parse(answer).header.revision;
}

describe('while a writer goes on', () => {
  test('S24 the leader, which is watched, is killed -9: moves on, no loss, no repeat', async () => {
    const leader = await cluster.leader();
    await using doors = await Doors.before(cluster.members);
    await using watching = await watchOn(leader, doors, 's24/');
    await using writer = writerOf(others(leader), 's24/');
    await writer.more(20);
    // Or it would be on a follower before there is a leader to write through, and would have nothing to lose.
    const elsewhere = others(leader).map((member) => doors.to(member));
    await Promise.all(elsewhere.map((door) => door.cut()));
    await leader.kill9();
    await writer.more(20);
    await Promise.all(elsewhere.map((door) => door.resume()));
    await writer.more(20);
    await writer.stop();
    const last = await put(oneOf(others(leader)), 's24/last', 'x');
    await watching.untilRevision(last);
    expectToldOnce(watching, last);
    await watching.expectServersState(oneOf(others(leader)));
  });

  test.each([
    ['leader', 'stall'],
    ['leader', 'cut'],
    ['follower', 'stall'],
  ] as const)('S24 a %s, which is watched, is parted from its peers by a %s: moves on', async (role, how) => {
    const leader = await cluster.leader();
    const watched = role === 'leader' ? leader : oneOf(others(leader));
    await using doors = await Doors.before(cluster.members);
    await using watching = await watchOn(watched, doors, 'parted/');
    await using writer = writerOf(others(watched), 'parted/');
    await writer.more(20);
    await cluster.partition(watched, how);
    // It says so itself, as long as it is asked to (`hasleader`): a watch without that stays there, and is told nothing.
    await watching.untilStale('UNAVAILABLE');
    await cluster.leader();
    await writer.more(20);
    await writer.stop();
    const last = await put(oneOf(others(watched)), 'parted/last', 'x');
    await watching.untilRevision(last);
    await expect.poll(() => doors.used).not.toContain(watched);
    expect(await revisionHeld(watched)).toBeLessThan(Number(last));
    expectToldOnce(watching, last);
    await watching.expectServersState(oneOf(others(watched)));
  });
});

describe('at the start', () => {
  test('S25 the first member has no leader: says so, and begins at another', async () => {
    const parted = oneOf(others(await cluster.leader()));
    await cluster.partition(parted);
    await untilLeaderless(parted);
    await using doors = await Doors.before(cluster.members);
    await using watching = doors.inOrder([parted], () => new Watching(urlOf(doors, 's25/')));
    await watching.watcher.ready({ fresh: true });
    expect(watching.statuses[0]).toMatchObject({ state: 'connecting', error: { code: 'UNAVAILABLE' } });
    const last = await put(oneOf(others(parted)), 's25/1', 'x');
    await watching.untilRevision(last);
    await expect.poll(() => doors.used).not.toContain(parted);
    await watching.expectServersState(oneOf(others(parted)));
  });

  test('S25 two of three are dead: pending with a status, then it recovers by itself', async () => {
    const leader = await cluster.leader();
    const last = await put(leader, 's25/2', 'x');
    const left = oneOf(others(leader));
    const dead = others(left);
    await Promise.all(dead.map((member) => member.kill9()));
    await untilLeaderless(left);
    await using watching = new Watching(`etcd://${cluster.endpoints}/s25/`);
    await watching.until('all tried', () => {
      const { status } = watching.watcher;
      return status.state === 'connecting' && status.error?.code === 'NO_HEALTHY_ENDPOINT';
    });
    const { status } = watching.watcher;
    const message = status.state === 'connecting' ? status.error?.message : undefined;
    for (const endpoint of cluster.endpoints) expect(message).toContain(endpoint);
    await Promise.all(dead.map((member) => member.restart()));
    await watching.untilRevision(last);
    await watching.expectServersState(leader);
  });
});

test('the only member that is watched loses its quorum: it says so, and the watch goes on when the quorum is back', async () => {
  const watched = oneOf(others(await cluster.leader()));
  await using watching = await Watching.started(`etcd://${watched.endpoint}/quorum/`);
  await Promise.all(others(watched).map((member) => member.kill9()));
  await watching.untilStale('UNAVAILABLE');
  await Promise.all(others(watched).map((member) => member.restart()));
  const last = await put(watched, 'quorum/1', 'x');
  await watching.untilRevision(last);
  expectToldOnce(watching, last);
  await watching.expectServersState(watched);
});

test('S22 the member that is watched is stopped, or packets to it are dropped: stale in time, then another goes on', async () => {
  const [paused, stalled, writer] = cluster.members;
  if (paused === undefined || stalled === undefined || writer === undefined) throw new Error('no three members');
  await using doors = await Doors.before(cluster.members);
  await using ofPaused = await watchOn(paused, doors, 's22/');
  await using otherDoors = await Doors.before([stalled, writer]);
  await using ofStalled = await watchOn(stalled, otherDoors, 's22/');

  paused.pause();
  otherDoors.to(stalled).stall();
  const began = performance.now();
  await cluster.leader();
  const first = await put(writer, 's22/1', 'x');
  const moved = [ofPaused, ofStalled].map(async (watching) => {
    // By keepalive, before the core's own watchdog would say SILENT.
    await watching.untilStale('UNREACHABLE');
    expect(performance.now() - began).toBeLessThan(16_000);
    await watching.untilRevision(first);
  });
  await Promise.all(moved);
  paused.resume();
  const last = await put(writer, 's22/2', 'x');
  for (const watching of [ofPaused, ofStalled]) {
    await watching.untilRevision(last);
    expectToldOnce(watching, last);
    await watching.expectServersState(writer);
  }
}, 60_000);

test('S26 of 90 processes those that lose their member do not come back in lockstep, and spread over the others', async () => {
  await using doors = await Doors.before(cluster.members);
  // A registry each, and so a connection, an order of endpoints and a backoff each, as 90 processes have.
  const registries = Array.from({ length: 90 }, () => createRegistry({ adapters: [etcdAdapter] }));
  onTestFinished(async () => void (await Promise.all(registries.map((registry) => registry.close()))));
  const watchers = registries.map((registry) => registry.watch(urlOf(doors, 's26/')));
  await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
  const connected = (member: Etcd) => doors.to(member).connections.open;
  for (const member of cluster.members) expect(connected(member)).toBeGreaterThan(10);
  const waits: number[] = [];
  for (const watcher of watchers) {
    watcher.onStatus((status) => {
      if (status.state === 'stale' && status.attempt === 1) waits.push((status.retryAt ?? 0) - Date.now());
    });
  }
  const lost = oneOf(others(await cluster.leader()));
  const before = new Map(cluster.members.map((member) => [member, connected(member)]));
  await lost.kill9();
  const revision = await put(oneOf(others(lost)), 's26/1', 'x');
  await Promise.all(watchers.map((watcher) => toldOf(watcher, revision)));

  expect(waits).toHaveLength(before.get(lost) ?? 0);
  for (const member of others(lost)) expect(connected(member)).toBeGreaterThan(before.get(member) ?? 0);
  // Uniform between 0 and 250 ms: half of them within the same 25 ms, or none beyond 125 ms, is not chance.
  const tenths = waits.map((ms) => Math.floor(ms / 25));
  expect(Math.max(...tenths)).toBeLessThan(10);
  expect(Math.max(...tenths)).toBeGreaterThanOrEqual(5);
  for (const tenth of tenths) expect(tenths.filter((one) => one === tenth).length).toBeLessThan(waits.length / 2);
});

/** Resolves when the watcher has been told of the revision. */
async function toldOf(watcher: Watcher, revision: string): Promise<void> {
  for await (const { changes } of watcher) if (changes.some((change) => change.revision === revision)) return;
}

test('S44 another cluster behind the same address, above the cursor and below it: its state, as a difference', async () => {
  await using alone = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  const member = await cluster.leader();
  await putMany(member, 10, (index) => `elsewhere/${index}`);
  for (const etcd of [alone, member]) await put(etcd, 's44/same', 'x');
  await put(alone, 's44/alone', 'x');
  const cursor = await put(alone, 's44/both', 'of the one');
  const above = await put(member, 's44/both', 'of the three');
  expect(Number(above)).toBeGreaterThan(Number(cursor));

  await using proxy = await startProxy(alone);
  await using watching = await Watching.started(`etcd://${proxy.endpoint}/s44/`);
  const told = () =>
    watching.batches
      .at(-1)
      ?.changes.map(({ type, key }) => `${type} ${key}`)
      .sort();
  for (const [epoch, etcd, code, difference] of [
    [2, member, 'OTHER_HISTORY', ['delete alone', 'put both']],
    [3, alone, 'OTHER_HISTORY', ['put alone', 'put both']],
  ] as const) {
    await proxy.cut();
    proxy.retarget(etcd);
    await proxy.resume();
    await watching.until('the new epoch', () => watching.batches.at(-1)?.snapshot.epoch === epoch);
    expect(watching.statuses).toContainEqual(expect.objectContaining({ state: 'stale', code }));
    expect(told()).toEqual(difference);
    const { revision, entries } = watching.watcher.snapshot ?? { revision: '', entries: [] };
    expect(readable(entries)).toEqual(await stateAt(etcd, { prefix: 's44/', revision }));
  }
  await watching.untilRevision(await put(alone, 's44/later', 'x'));
  expect(told()).toEqual(['put later']);
});
