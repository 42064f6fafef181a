import { WatchError } from '@rollcall/core';
import { expect, test, vi } from 'vitest';
import { brokerList } from '../../src/index.js';
import { now, pass, settle, setUp } from '../brokerListHarness.js';
import { FakeBroker } from '../fakeBroker.js';
import { FakeGate } from '../fakeGate.js';

const outcomes = (brokers: ReturnType<ReturnType<typeof setUp>['probing']>['brokers']): string[] =>
  brokers.explain().addresses.map(({ address, outcome }) => `${address} ${outcome}`);

test('brokers are listed once they have told their cluster, and the first list teaches which that is', async () => {
  const { register, probing } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092');
  expect((await brokers.ready()).brokers).toEqual(['b1:9092', 'b2:9092']);
  expect([gate.asked, gate.clusterId]).toEqual([['b1:9092', 'b2:9092'], 'one']);
  expect(brokers.explain().decision).toMatchObject({ change: 'first' });
});

test('K10 all brokers move to another cluster: refused, the last good list stays', async () => {
  const { register, withdraw, probing, warnings } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092');
  await brokers.ready();
  gate.answer('two', 'c1:9092', 'c2:9092');
  register('c1', 'c2');
  withdraw('b1', 'b2');
  await pass(200);
  expect([brokers.current, brokers.version]).toEqual([['b1:9092', 'b2:9092'], 1]);
  expect(brokers.status).toMatchObject({ state: 'stale', code: 'OTHER_CLUSTER' });
  expect(outcomes(brokers)).toEqual(['c1:9092 other-cluster', 'c2:9092 other-cluster']);
  expect(warnings).toEqual([
    '2 addresses are left out of the bootstrap list.',
    expect.stringContaining('0 usable brokers, fewer than 1 (left out: 2 other-cluster). The list stays as it was'),
  ]);
  await pass(60_000);
  expect(warnings, 'told once').toHaveLength(2);
  expect(brokers.stats).toEqual({ published: 1, seeds: 0, rebootstraps: 0, refusals: 1 });
  register('b3');
  gate.answer('one', 'b3:9092');
  await pass(200);
  expect([brokers.current, brokers.status.state]).toEqual([['b3:9092'], 'live']);
  expect(brokers.stats).toEqual({ published: 2, seeds: 0, rebootstraps: 1, refusals: 1 });
});

test('K10 with a pinned cluster id another cluster is never the first list', async () => {
  const { register, probing } = setUp();
  register('b1', 'c1');
  const { brokers, gate } = probing({ clusterId: 'one' });
  gate.answer('two', 'c1:9092');
  expect(await now(brokers.ready())).toBe('pending');
  expect(brokers.status).toMatchObject({ code: 'OTHER_CLUSTER' });
  gate.answer('one', 'b1:9092');
  await pass(250);
  expect(brokers.current).toEqual(['b1:9092']);
});

test('K11 an address that is listed now belongs to another cluster: it goes, within 30 s of the next change', async () => {
  const { register, probing } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092', 'b3:9092');
  await brokers.ready();
  gate.answer('two', 'b2:9092');
  register('b3');
  await pass(200);
  expect(brokers.current, 'it has answered less than 30 s ago').toEqual(['b1:9092', 'b2:9092', 'b3:9092']);
  await pass(30_000);
  expect([brokers.current, brokers.status.state]).toEqual([['b1:9092', 'b3:9092'], 'live']);
});

test('K11 when all that is listed belongs to another cluster now, kafkajs is given nothing until that is mended', async () => {
  const { register, probing } = setUp();
  register('b1');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092');
  expect(await brokers.list()).toEqual(['b1:9092']);
  gate.answer('two', 'b1:9092', 'b2:9092');
  await pass(30_000);
  register('b2');
  await pass(200);
  expect([brokers.current, brokers.status]).toMatchObject([['b1:9092'], { code: 'OTHER_CLUSTER' }]);
  const waiting = brokers.list();
  expect(await now(waiting)).toBe('pending');
  gate.answer('one', 'b1:9092');
  await pass(250);
  expect([brokers.version, brokers.status.state]).toEqual([1, 'live']);
  expect(await waiting).toEqual(['b1:9092']);
});

test('K11 brokers of two clusters and none pinned: nothing is published, and the error names both', async () => {
  const { register, probing } = setUp();
  register('b1', 'c1');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092');
  gate.answer('two', 'c1:9092');
  expect(await now(brokers.ready())).toBe('pending');
  expect([brokers.version, gate.clusterId]).toEqual([0, undefined]);
  expect(brokers.status).toMatchObject({ code: 'OTHER_CLUSTER' });
  const { error } = brokers.status as { error: WatchError };
  expect(error.message).toContain('b1:9092 is of "one", c1:9092 is of "two"');
});

test('K12 a broker outside the allow-list is never asked; one that advertises such an address is never listed', async () => {
  const { register, probing, warnings } = setUp();
  register('b1', '10.0.0.1', 'b2');
  const { brokers, gate } = probing({ allow: ['b1', 'b2'] });
  gate.answer('one', 'b1:9092', '10.0.0.1:9092');
  gate.answer(new WatchError('FORBIDDEN', 'It would send clients on to 10.0.0.1:9092.'), 'b2:9092');
  expect((await brokers.ready()).brokers).toEqual(['b1:9092']);
  expect(gate.asked).not.toContain('10.0.0.1:9092');
  expect(brokers.explain().addresses).toEqual([
    {
      key: 'broker/10.0.0.1',
      revision: '2',
      address: '10.0.0.1:9092',
      outcome: 'disallowed',
      reason: '10.0.0.1:9092 is not in the allow-list',
    },
    { key: 'broker/b1', revision: '1', address: 'b1:9092', outcome: 'listed' },
    {
      key: 'broker/b2',
      revision: '3',
      address: 'b2:9092',
      outcome: 'disallowed',
      reason: 'It would send clients on to 10.0.0.1:9092.',
    },
  ]);
  expect(warnings).toEqual(['2 addresses are left out of the bootstrap list.']);
});

test('K05 the registry changes before the brokers have moved: the list follows when they answer', async () => {
  const { register, withdraw, probing } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092');
  await brokers.ready();
  withdraw('b1', 'b2');
  register('c1', 'c2');
  await pass(200);
  expect(outcomes(brokers)).toEqual(['c1:9092 unreachable', 'c2:9092 unreachable']);
  expect([brokers.current, brokers.status]).toMatchObject([['b1:9092', 'b2:9092'], { code: 'TOO_FEW_BROKERS' }]);
  gate.answer('one', 'c1:9092');
  await pass(250);
  expect([brokers.current, brokers.status.state]).toEqual([['c1:9092'], 'live']);
  gate.answer('one', 'c2:9092');
  await pass(500);
  expect(brokers.current).toEqual(['c1:9092', 'c2:9092']);
  const asked = gate.asked.length;
  await pass(120_000);
  expect(gate.asked, 'all have answered, so nobody is asked again').toHaveLength(asked);
});

test('a listed broker that does not answer stays listed, and is asked again', async () => {
  const { register, probing } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092', 'b3:9092');
  await brokers.ready();
  gate.brokers.delete('b2:9092');
  await pass(30_000);
  register('b3');
  await pass(200);
  expect(brokers.current).toEqual(['b1:9092', 'b2:9092', 'b3:9092']);
  const kept = brokers.explain().addresses[1];
  expect(kept).toMatchObject({
    outcome: 'listed',
    reason: expect.stringContaining('kept, since it was proven before'),
  });
  gate.answer('two', 'b2:9092');
  await pass(250);
  expect(brokers.current).toEqual(['b1:9092', 'b3:9092']);
});

test('a key that flaps has nobody asked again: new brokers at once, those that failed by their backoff', async () => {
  const { register, withdraw, probing } = setUp();
  register('b1', 'b2', 'dead');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092', 'b3:9092');
  await brokers.ready();
  for (let i = 0; i < 60; i++) {
    if (i % 2 === 0) register('b3');
    else withdraw('b3');
    await pass(400);
  }
  const times = (name: string): number => gate.asked.filter((address) => address === `${name}:9092`).length;
  expect([times('b1'), times('b2')]).toEqual([1, 1]);
  // Its waits are 0.25, 0.5, 1, 2, 4, 8 s, and 16 s end later than this.
  expect(times('dead')).toBe(7);
  await pass(10_000);
  expect([times('b1'), times('b2')], 'the registry changed since').toEqual([2, 2]);
  await pass(120_000);
  expect([times('b1'), times('b2')], 'and not any more').toEqual([2, 2]);
});

test('thousands of brokers that do not answer cost little, and nothing once they are known', async () => {
  const { store, probing } = setUp();
  for (let i = 0; i < 40; i++) store.put(`broker/${i}`, Array.from({ length: 100 }, (_, j) => `b${i}-${j}`).join());
  const { brokers, gate } = probing();
  let told = 0;
  brokers.onChange(() => told++);
  await pass(4_000);
  for (let i = 0; i < 200 && gate.asked.length < 4_000; i++) await settle();
  expect(gate.asked.length).toBeGreaterThanOrEqual(4_000);
  const cpu = process.cpuUsage();
  const before = gate.asked.length;
  for (let i = 0; i < 20; i++) await pass(1_000);
  const { user } = process.cpuUsage(cpu);
  expect(gate.asked.length).toBeGreaterThan(before);
  // Before, each answer made a list of all of them anew: 20 ms each.
  expect(user / 1000 / (gate.asked.length - before), 'ms an answer').toBeLessThan(2);
});

test('a new broker is asked at once, whatever others are being asked', async () => {
  const { register, probing } = setUp();
  const holes = Array.from({ length: 20 }, (_, i) => `hole${i}`);
  register('b1', ...holes);
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092');
  gate.answer('never', ...holes.map((name) => `${name}:9092`));
  await pass(20_000);
  register('b2');
  await pass(250);
  expect(brokers.current).toEqual(['b1:9092', 'b2:9092']);
});

test('K10 a quick minority does not teach the cluster, and nobody is refused for it', async () => {
  const { register, probing } = setUp();
  register('b1', 'b2', 'b3');
  const { brokers, gate } = probing();
  gate.answer('other', 'b1:9092');
  expect((await now(brokers.ready())) !== 'pending').toBe(true);
  expect([brokers.current, gate.clusterId]).toEqual([['b1:9092'], undefined]);
  expect(brokers.explain().decision?.reason).toContain('not learned yet: 1 of 3 addresses told it');
  gate.brokers.delete('b1:9092');
  gate.answer('one', 'b2:9092', 'b3:9092');
  await pass(30_000);
  register('b4');
  gate.answer('one', 'b4:9092');
  await pass(1_000);
  expect(gate.clusterId).toBe('one');
});

test('those that do not answer are asked again with a backoff from 250 ms to 30 s', async () => {
  const { register, probing } = setUp();
  register('b1');
  const { gate } = probing();
  await settle();
  const times: number[] = [];
  const began = performance.now();
  for (let seen = gate.asked.length; times.length < 10; ) {
    await vi.advanceTimersByTimeAsync(50);
    if (gate.asked.length > seen) times.push(performance.now() - began);
    seen = gate.asked.length;
  }
  const waits = times.map((at, i) => at - (times[i - 1] ?? 0));
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('at most 8 brokers are asked at once, and all of them', async () => {
  const { register, probing } = setUp();
  const names = Array.from({ length: 30 }, (_, i) => `b${i}`);
  register(...names);
  const { brokers, gate } = probing();
  gate.answer('one', ...names.map((name) => `${name}:9092`));
  expect((await brokers.ready()).brokers).toHaveLength(30);
  expect([gate.most, gate.asked.length, brokers.version]).toEqual([8, 30, 1]);
});

test('K13 black-holed brokers: what answers is listed within two timeouts, however many do not', async () => {
  const { register, probing } = setUp();
  const holes = Array.from({ length: 30 }, (_, i) => `hole${i}`);
  register('b1', ...holes);
  const { brokers, gate } = probing({ probe: { timeoutMs: 1000 } });
  gate.answer('never', ...holes.map((name) => `${name}:9092`));
  gate.answer('one', 'b1:9092');
  await pass(1999);
  expect(brokers.version).toBe(0);
  await pass(1);
  expect(brokers.current).toEqual(['b1:9092']);
  const count = (wanted: string): number => outcomes(brokers).filter((each) => each.endsWith(wanted)).length;
  expect(count('unproven')).toBeGreaterThan(0);
  await pass(2000);
  expect([count('unreachable'), count('unproven'), brokers.version]).toEqual([30, 0, 1]);
});

test('K09 a key that flaps several times a second among black-holed brokers holds nobody back', async () => {
  const { register, withdraw, probing } = setUp();
  const holes = Array.from({ length: 20 }, (_, i) => `hole${i}`);
  register('b1', ...holes);
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092', 'b2:9092', 'b3:9092');
  gate.answer('never', ...holes.map((name) => `${name}:9092`));
  await pass(10_000);
  expect(brokers.current).toEqual(['b1:9092']);
  register('b3');
  // 13 changes within 2 s: each look at the registry finds it the other way round than the one before.
  for (let i = 0; i < 75; i++) {
    if (i % 2 === 0) register('b2');
    else withdraw('b2');
    await pass(160);
    if (i === 49) expect(brokers.current, 'after 8 s').toContain('b3:9092');
  }
  expect(brokers.version, 'one in 2 s').toBeLessThanOrEqual(7);
  const turns = holes.map((name) => gate.asked.filter((address) => address === `${name}:9092`).length);
  expect(Math.max(...turns) - Math.min(...turns), 'everybody has his turn').toBeLessThanOrEqual(2);
});

test('a newer list takes the place of one that is being asked', async () => {
  const { register, withdraw, probing } = setUp();
  register('b1');
  const { brokers, gate } = probing();
  gate.answer('never', 'b1:9092');
  gate.answer('one', 'b2:9092');
  await settle();
  expect(outcomes(brokers)).toEqual([]);
  withdraw('b1');
  register('b2');
  await pass(200);
  expect(brokers.current).toEqual(['b2:9092']);
  expect(gate.open).toBe(0);
});

test('S62 a list that is closed asks no more', async () => {
  const { register, probing } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing();
  gate.answer('never', 'b1:9092');
  await settle();
  await brokers.close();
  await settle();
  expect([gate.open, vi.getTimerCount()]).toEqual([0, 0]);
  const asked = gate.asked.length;
  await pass(60_000);
  expect(gate.asked).toHaveLength(asked);
});

test('without a probe nobody is asked, and the allow-list still counts', async () => {
  const { register, probing } = setUp();
  register('b1', '10.0.0.1');
  const { brokers, gate } = probing({ probe: false, allow: ['b1'] }, new FakeGate({ allow: ['b1'] }));
  expect((await brokers.ready()).brokers).toEqual(['b1:9092']);
  expect(gate.asked).toEqual([]);
});

test('brokerList makes the gate of its own options, and asks real sockets', async () => {
  vi.useRealTimers();
  await using one = await FakeBroker.start({ clusterId: 'one' });
  await using two = await FakeBroker.start({ clusterId: 'two' });
  await using rogue = await FakeBroker.start({ clusterId: 'one', advertised: [{ host: '10.66.6.6', port: 9092 }] });
  const { register, registry } = setUp();
  register(one.address, two.address, rogue.address);
  const options = { probe: true, clusterId: 'one', allow: ['127.0.0.0/8'], quietMs: 0 };
  await using brokers = brokerList(registry.watch('memory:kafka#broker/'), options);
  expect((await brokers.ready()).brokers).toEqual([one.address]);
  const byAddress = new Map(brokers.explain().addresses.map(({ address, outcome }) => [address, outcome]));
  expect(byAddress).toEqual(
    new Map([
      [one.address, 'listed'],
      [two.address, 'other-cluster'],
      [rogue.address, 'disallowed'],
    ]),
  );
  expect(brokers.gate.clusterId).toBe('one');
});

test('closed by a listener while a newer set is on its way: nobody is asked any more', async () => {
  const { register, store, probing } = setUp();
  register('b1');
  const { brokers, gate } = probing();
  gate.answer('one', 'b1:9092');
  await brokers.ready();
  gate.answer('never', 'b1:9092', 'b2:9092');
  brokers.onChange(() => void brokers.close());
  // Both in one version of the collection: the trouble is told at once, and the set a turn later.
  register('b2');
  store.put('broker/bad', 'not an address');
  await pass(200);
  expect(brokers.status.state).toBe('closed');
  expect(gate.asked).toEqual(['b1:9092']);
});

test('K10 whoever waits for a broker of the right cluster gets it, also while the list is still not followed', async () => {
  const { register, probing, warnings } = setUp();
  register('b1', 'b2');
  const { brokers, gate } = probing({ minBrokers: 2 });
  gate.answer('one', 'b1:9092', 'b2:9092');
  await brokers.ready();
  gate.answer('two', 'b1:9092', 'b2:9092');
  await pass(30_000);
  register('b3');
  await pass(200);
  const waiting = brokers.list();
  expect(await now(waiting)).toBe('pending');
  gate.answer('one', 'b2:9092');
  await pass(250);
  expect(await now(waiting)).toEqual(['b2:9092']);
  expect(brokers.status).toMatchObject({ code: 'OTHER_CLUSTER' });
  expect(brokers.stats.refusals).toBe(1);
  expect(warnings.filter((line) => line.includes('stays as it was'))).toHaveLength(1);
});

test('a refusal that stays the same is told to no listener again', async () => {
  const { register, probing } = setUp();
  register('b1');
  const { brokers, gate } = probing({ clusterId: 'one' });
  gate.answer('two', 'b1:9092');
  await settle();
  const told: string[] = [];
  brokers.onStatus(({ state }) => told.push(state));
  await pass(60_000);
  expect(gate.asked.length).toBeGreaterThan(2);
  expect(told).toEqual([]);
});
