import { expect, test } from 'vitest';
import type { BrokerList } from '../../src/index.js';
import { pass, settle, setUp } from '../brokerListHarness.js';

const lines = (brokers: BrokerList): string[] =>
  brokers
    .explain()
    .addresses.map(({ key, address = '-', outcome, reason }) =>
      [key.replace('broker/', ''), address, outcome, ...(reason === undefined ? [] : [`(${reason})`])].join(' '),
    );

test('what became of each key: listed, duplicate, rejected, and the revision of its last write', async () => {
  const { store, register, follow } = setUp();
  register('b1');
  store.put('broker/a', 'b1,b2:0,b3');
  store.put('broker/junk', '{"host":');
  const { brokers } = follow();
  expect(brokers.explain()).toEqual({ addresses: [] });
  await brokers.ready();
  expect(lines(brokers)).toEqual([
    'a b1:9092 listed',
    'a b3:9092 listed',
    'a - rejected ("b2:0": the port "0" is not a number from 1 to 65535)',
    'b1 b1:9092 duplicate (named by "broker/a" too)',
    expect.stringMatching(/^junk - rejected \(not JSON/),
  ]);
  const { addresses, decision } = brokers.explain();
  expect(addresses.map(({ key, revision }) => `${key} ${revision}`)).toEqual([
    'broker/a 2',
    'broker/a 2',
    'broker/a 2',
    'broker/b1 1',
    'broker/junk 3',
  ]);
  expect(decision).toEqual({ change: 'first', reason: 'Nothing was published before.' });
});

test('a key that keeps its last good value says so', async () => {
  const { store, register, follow } = setUp();
  register('b1');
  store.put('broker/b2', 'b2,b3:0');
  const { brokers } = follow();
  await brokers.ready();
  expect(lines(brokers)[1]).toBe('b2 b2:9092 listed');
  store.put('broker/b2', 'junk!');
  await pass(200);
  expect(lines(brokers)).toEqual([
    'b1 b1:9092 listed',
    "b2 b2:9092 listed (the key keeps its last good value's brokers)",
    'b2 - rejected ("junk!" is not a host name)',
  ]);
});

test('a registry that names nobody: the list stays, and the decision says why it is not followed', async () => {
  const { register, withdraw, follow } = setUp();
  register('b1', 'b2', 'b3');
  const { brokers } = follow({ minBrokers: 2 });
  await brokers.ready();
  withdraw('b1', 'b2', 'b3');
  register('c1');
  await pass(200);
  expect(lines(brokers)).toEqual(['c1 c1:9092 usable']);
  expect(brokers.explain().decision).toEqual({
    change: 'refuse',
    code: 'TOO_FEW_BROKERS',
    reason: 'The registry names 1 usable broker, fewer than 2.',
  });
});

test('S65 a broker whose key a resync did not find is held', async () => {
  const { store, register, follow } = setUp();
  register('b1', 'b2', 'b3');
  const { brokers } = follow();
  await brokers.ready();
  store.wipe('100');
  await pass(1000);
  expect(lines(brokers)).toHaveLength(3);
  expect(brokers.explain().addresses[0]).toMatchObject({ address: 'b1:9092', outcome: 'held' });
  expect(brokers.explain().addresses[0]).not.toHaveProperty('revision');
});

test('listeners, the allow-list and the limit', async () => {
  const { store, register, follow, warnings } = setUp();
  store.put('broker/1', '{"host":null,"port":-1,"endpoints":["PLAINTEXT://b1:9092","SASL_SSL://b1:9094"]}');
  store.put('broker/2', 'PLAINTEXT://b2:9092');
  register('10.0.0.1', 'b3', 'b4');
  const { brokers } = follow({ listener: 'sasl_ssl', allow: ['b1', 'b2', 'b3', 'b4'], limit: 2 });
  expect((await brokers.ready()).brokers).toEqual(['b1:9094', 'b3:9092']);
  expect(lines(brokers)).toEqual([
    '1 b1:9094 listed',
    '1 b1:9092 listener (its listener is PLAINTEXT; the list is of SASL_SSL)',
    '10.0.0.1 10.0.0.1:9092 disallowed (10.0.0.1:9092 is not in the allow-list)',
    '2 b2:9092 listener (its listener is PLAINTEXT; the list is of SASL_SSL)',
    'b3 b3:9092 listed',
    'b4 b4:9092 capped (the limit is 2 brokers)',
  ]);
  expect(warnings).toEqual(['2 addresses are left out of the bootstrap list.']);
});

test('never two protocols in one list, and each change of what is left out is told once', async () => {
  const { register, withdraw, follow, warnings } = setUp();
  register('SASL_SSL://b1:9094', 'SASL_SSL://b2:9094');
  const { brokers } = follow();
  await brokers.ready();
  register('PLAINTEXT://b3:9092');
  await pass(200);
  register('SASL_SSL://b4:9094');
  await pass(200);
  expect(brokers.current).toEqual(['b1:9094', 'b2:9094', 'b4:9094']);
  expect(warnings).toEqual(['An address is left out of the bootstrap list.']);
  withdraw('PLAINTEXT://b3:9092');
  await pass(200);
  register('PLAINTEXT://b3:9092');
  await pass(200);
  expect(warnings).toHaveLength(2);
});

test('shuffle: one order for one seed, and a broker that comes moves no other', async () => {
  const { register, follow } = setUp();
  register('b1', 'b2', 'b3', 'b4', 'b5');
  const { brokers } = follow({ shuffle: 'host-7' });
  const { brokers: before } = await brokers.ready();
  expect([...before].sort()).toEqual(['b1:9092', 'b2:9092', 'b3:9092', 'b4:9092', 'b5:9092']);
  expect((await follow({ shuffle: 'host-7' }).brokers.ready()).brokers).toEqual(before);
  register('b6');
  await pass(200);
  expect(brokers.current.filter((each) => each !== 'b6:9092')).toEqual(before);
});

test('changes and refusals are counted and told apart', async () => {
  const { register, withdraw, follow } = setUp();
  register('b1', 'b2');
  const { brokers } = follow();
  const changes: string[] = [];
  const following = (async () => {
    for await (const { change } of brokers) changes.push(change);
  })();
  await settle();
  register('b3');
  await pass(200);
  withdraw('b1', 'b2', 'b3');
  await pass(200);
  register('c1', 'c2');
  await pass(200);
  await brokers.close();
  await following;
  expect(changes).toEqual(['first', 'seeds', 'rebootstrap']);
  expect(brokers.stats).toEqual({ published: 3, seeds: 1, rebootstraps: 1, refusals: 1 });
});

test('a fallback counts as nothing published before', async () => {
  const { register, follow } = setUp();
  const { brokers } = follow({ fallback: ['old:9092'] });
  expect(await brokers.ready()).toMatchObject({ change: 'first', source: 'fallback' });
  register('b1');
  await pass(200);
  expect(await brokers.ready()).toMatchObject({ change: 'first', source: 'registry', brokers: ['b1:9092'] });
  expect(brokers.stats).toMatchObject({ published: 2, rebootstraps: 0, refusals: 1 });
});
