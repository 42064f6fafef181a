import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry, type Watcher } from '@rollcall/core';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Consul, type ConsulCluster, startConsulCluster } from '../support/consul.js';
import { Doors } from '../support/doors.js';
import { startProxy } from '../support/proxy.js';
import { SteadyWriter } from '../support/steady-writer.js';
import { Followed, write } from './consul-followed.js';
import { deregister } from './consul-instances.js';
import { del, put, Watching, type WatchingOptions } from './consul-watching.js';

/** Short waits, so that a dead link is noticed within 0.5 s + 1/16 of it + 3 s. */
const WAIT_MS = 500;
const NOTICED_MS = WAIT_MS + WAIT_MS / 16 + 3_000;
/** What else may pass on a busy machine, ms. */
const SLACK_MS = 1_500;
const FAST: WatchingOptions = { waitMs: WAIT_MS, random: 0.05 };

/** One for all tests: each leaves three servers and an agent that are well. */
let cluster: ConsulCluster;
/** A client agent, as it runs beside a program: it asks the servers. */
let agent: Consul;
beforeAll(async () => {
  // S26: 200 connections from one address are what a server allows by default.
  cluster = await startConsulCluster(3, { config: { limits: { http_max_conns_per_client: 1_000 } } });
  agent = await cluster.startAgent();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});
afterEach(async () => {
  const all = [...cluster.servers, agent];
  for (const one of all) if (one.running) one.resume();
  await Promise.all(all.map((one) => (one.running ? undefined : one.restart())));
});

const leading = (): Promise<Consul> => vi.waitUntil(() => cluster.leader(), { timeout: 20_000 });
const others = (...servers: Consul[]): Consul[] => cluster.servers.filter((server) => !servers.includes(server));

function oneOf(servers: readonly Consul[]): Consul {
  const [server] = servers;
  if (server === undefined) throw new Error('no server is left');
  return server;
}

/** The address of the leader that a server follows; '' while it follows none. */
const leaderOf = async (server: Consul): Promise<string> => JSON.parse((await server.http('/v1/status/leader')).body);

/** Until the end of the test. */
async function followed(name: string, open: (what: string) => Watching): Promise<Followed> {
  const both = await Followed.started(name, open);
  onTestFinished(() => both[Symbol.asyncDispose]());
  return both;
}
const through = ({ endpoint }: { readonly endpoint: string }, name: string): Promise<Followed> =>
  followed(name, (what) => new Watching(`consul://${endpoint}/${what}`, FAST));
const firstOfThree = (doors: Doors<Consul>, server: Consul, name: string): Promise<Followed> =>
  followed(name, (what) => doors.inOrder([server], () => new Watching(`consul://${doors.endpoints}/${what}`, FAST)));

/** Asserts that what is written now is seen by all, and that each has the server's own state. */
async function expectCurrent(all: readonly Followed[], server: Consul, name: string): Promise<void> {
  await write(server, name, 'last', 1);
  for (const one of all) {
    await one.number('last', 1);
    await one.expectServersState(server);
  }
}

/** Asserts that nothing was told in an older version than before. */
function expectForwards({ batches }: Watching): void {
  const newest = new Map<string, number>();
  for (const { key, revision } of batches.flatMap(({ changes }) => changes)) {
    expect(Number(revision)).toBeGreaterThan(newest.get(key) ?? 0);
    newest.set(key, Number(revision));
  }
}

describe.each(['a follower', 'a client agent'])('through %s', (where) => {
  const via = async (): Promise<Consul> => (where === 'a client agent' ? agent : oneOf(others(await leading())));
  const name = where.replaceAll(' ', '-');

  test('S47 the last key and the last instance are deleted; later ones are seen', async () => {
    const watched = await through(await via(), `s47-${name}`);
    for (const id of ['1', '2']) {
      await write(oneOf(cluster.servers), `s47-${name}`, id, 1);
      await watched.number(id, 1);
      await del(oneOf(cluster.servers), `s47-${name}/${id}`);
      await deregister(oneOf(cluster.servers), `s47-${name}`, id);
      for (const watching of watched.both) await watching.until('nothing', () => watching.model.size === 0);
      await watched.expectServersState(oneOf(cluster.servers));
    }
    const told = ['put 1', 'delete 1', 'put 2', 'delete 2'];
    expect(watched.told).toEqual([told, told]);
    for (const { statuses } of watched.both) expect(statuses.map(({ state }) => state)).toEqual(['live']);
  });

  test('S48 the same again, and what is elsewhere: no batch', async () => {
    const server = oneOf(cluster.servers);
    await write(server, `s48-${name}`, '1', 1);
    const watched = await through(await via(), `s48-${name}`);
    const empty = await through(await via(), `s48-${name}-empty`);
    for (let n = 0; n < 5; n++) {
      await write(server, `s48-${name}`, '1', 1);
      await write(server, `s48-${name}-elsewhere`, '1', n);
    }
    await expectCurrent([watched], server, `s48-${name}`);
    await expectCurrent([empty], server, `s48-${name}-empty`);
    for (const { told } of [watched, empty]) expect(told).toEqual([['put last'], ['put last']]);
  });
});

describe('the leader, watched first of three, through a follower and through an agent', () => {
  test('S24 is killed -9 while a writer goes on: all moves on, nothing is lost or goes back', async () => {
    const leader = await leading();
    const follower = oneOf(others(leader));
    await using doors = await Doors.before(cluster.servers);
    const all = [await firstOfThree(doors, leader, 's24'), await through(follower, 's24'), await through(agent, 's24')];
    expect(doors.used).toEqual([leader]);
    await using writer = new SteadyWriter(others(leader), (server, n) => write(server, 's24', String(n % 10), n + 1));
    await writer.more(20);
    await leader.kill9();
    await writer.more(20);
    await writer.stop();
    await expectCurrent(all, follower, 's24');
    for (const watching of all.flatMap(({ both }) => both)) expectForwards(watching);
    expect(doors.used).not.toContain(leader);
  }, 60_000);

  test('S22 is stopped (SIGSTOP): stale in time, then followed elsewhere', async () => {
    const leader = await leading();
    const follower = oneOf(others(leader));
    await using doors = await Doors.before(cluster.servers);
    const all = [await firstOfThree(doors, leader, 's22'), await through(follower, 's22'), await through(agent, 's22')];
    const before = await leaderOf(follower);
    leader.pause();
    const stopped = performance.now();
    const noticed = Promise.all(all.map((one) => one.wasStale())).then(() => performance.now() - stopped);
    await vi.waitUntil(async () => !['', before].includes(await leaderOf(follower)), { timeout: 20_000 });
    await write(follower, 's22', '1', 1);
    for (const one of all) await one.number('1', 1);
    expect(await noticed).toBeLessThan(NOTICED_MS + SLACK_MS);
    leader.resume();
    await expectCurrent(all, follower, 's22');
  }, 60_000);
});

describe.each(['leader', 'follower'])('the quorum is lost, and what is left is a former %s', (role) => {
  test('S24 S25 stale in time, the last state kept, nothing deleted; a new watch waits; then all goes on', async () => {
    const name = `quorum-${role}`;
    const leader = await leading();
    const left = role === 'leader' ? leader : oneOf(others(leader));
    await write(left, name, 'first', 1);
    const all = [await through(left, name), await through(agent, name)];
    const maxStaleMs = 500;
    const lenient = `consul://${left.endpoint}/${name}/?consistency=stale&max-stale=${maxStaleMs}ms`;
    await using stale = await Watching.started(lenient, FAST);
    const each = [...all.flatMap(({ both }) => both), stale];
    const versions = each.map(({ watcher }) => watcher.version);

    await Promise.all(others(left).map((server) => server.kill9()));
    const lost = performance.now();
    await using late = new Watching(`consul://${cluster.endpoints}/${name}/`, FAST);
    for (const watching of each) {
      await watching.until('stale', () => watching.state === 'stale');
      const allowedMs = NOTICED_MS + (watching === stale ? maxStaleMs : 0);
      expect(performance.now() - lost).toBeLessThan(allowedMs + SLACK_MS);
    }
    await late.until('each was asked', () => late.code === 'NO_HEALTHY_ENDPOINT');
    expect(each.map(({ watcher }) => watcher.version)).toEqual(versions);

    await Promise.all(others(left).map((server) => server.restart()));
    await expectCurrent(all, left, name);
    for (const watching of [stale, late]) {
      await watching.value('last', '1');
      await watching.live();
      await watching.expectServersState(left);
    }
    for (const { told } of each) expect(told).toEqual([expect.stringMatching(/^put (node-of-.*\/)?last$/)]);
  }, 60_000);
});

test('S22 S23 a client agent is cut off, stopped (SIGSTOP), killed -9 and started again: each change told once', async () => {
  const server = oneOf(cluster.servers);
  await using proxy = await startProxy(agent);
  const watched = await through(proxy, 'agent');
  await proxy.cut();
  await watched.stale();
  await write(server, 'agent', '1', 1);
  await proxy.resume();
  await watched.number('1', 1);

  agent.pause();
  await write(server, 'agent', '2', 2);
  await watched.stale();
  agent.resume();
  await watched.number('2', 2);

  await agent.kill9();
  await watched.stale();
  await write(server, 'agent', '3', 3);
  await agent.restart();
  await watched.number('3', 3);
  await watched.expectServersState(server);
  const once = ['put 1', 'put 2', 'put 3'];
  expect(watched.told).toEqual([once, once]);
}, 60_000);

test('S23 S25 a follower is killed -9 and started again: who knows no other waits, who begins with it takes another', async () => {
  const follower = oneOf(others(await leading()));
  const server = oneOf(others(follower));
  await using doors = await Doors.before(cluster.servers);
  const alone = await through(follower, 's23');
  await follower.kill9();
  await alone.stale();
  const elsewhere = await firstOfThree(doors, follower, 's23');
  expect(doors.to(follower).connections.total).toBeGreaterThan(0);
  await write(server, 's23', '1', 1);
  await elsewhere.number('1', 1);
  await follower.restart();
  await expectCurrent([alone, elsewhere], server, 's23');
});

test('S26 200 processes that lose their server do not come back in lockstep, and each opens one connection', async () => {
  const lost = oneOf(others(await leading()));
  const left = others(lost);
  await using doors = await Doors.before(cluster.servers);
  // A registry each, and so connections and a backoff each, as 200 processes have.
  const registries = Array.from({ length: 200 }, () => createRegistry({ adapters: [createConsulAdapter()] }));
  onTestFinished(async () => void (await Promise.all(registries.map((registry) => registry.close()))));
  const watchers = registries.map((registry, i) =>
    doors.inOrder([lost, left[i % 2] ?? lost], () => registry.watch(`consul://${doors.endpoints}/s26/`)),
  );
  await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
  const connected = (): number[] => [lost, ...left].map((server) => doors.to(server).connections.open);
  expect(connected()).toEqual([200, 0, 0]);
  const waits: number[] = [];
  for (const watcher of watchers) {
    watcher.onStatus((status) => {
      if (status.state === 'stale') waits.push((status.retryAt ?? 0) - Date.now());
    });
  }
  await lost.kill9();
  await put(oneOf(left), 's26/1', 'x');
  await Promise.all(watchers.map((watcher) => toldOf(watcher, '1')));

  expect(waits).toHaveLength(200);
  // Uniform between 0 and 250 ms: 20 in each 25 ms, so that 50 in one, or none beyond 200 ms, is not chance.
  const tenths = waits.map((ms) => Math.floor(ms / 25));
  for (const tenth of tenths) expect(tenths.filter((one) => one === tenth).length).toBeLessThan(50);
  expect(Math.max(...tenths)).toBeLessThan(10);
  expect(Math.max(...tenths)).toBeGreaterThanOrEqual(8);
  expect(connected()).toEqual([0, 100, 100]);
  expect(left.map((server) => doors.to(server).connections.total)).toEqual([100, 100]);
});

/** Resolves when the watcher has been told of the key. */
async function toldOf(watcher: Watcher, key: string): Promise<void> {
  for await (const { changes } of watcher) if (changes.some((change) => change.key === key)) return;
}
