import { WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import { allowList } from '../../src/address/allow.js';
import { decodeBrokers } from '../../src/address/decode.js';
import type { ProbeResult } from '../../src/gate/prober.js';
import { choose, type Knowledge, select } from '../../src/list/select.js';

/** Keys and values, as they are registered. */
function chosen(values: Readonly<Record<string, string>>, listener?: string, allow?: readonly string[]) {
  const items = Object.entries(values).map(
    ([key, value]) => [key, decodeBrokers(Buffer.from(value), key, () => {})] as const,
  );
  return choose(items, allowList(allow), listener);
}

function listOf(from: ReturnType<typeof chosen>, knowledge: Partial<Knowledge> = {}, limit?: number) {
  const order = limit === undefined ? {} : { limit };
  const selection = select(from, { known: new Set(), ...knowledge }, order);
  const fates = selection.fates.map(({ key, address, outcome }) => `${key} ${address} ${outcome}`).sort();
  return { ...selection, outcomes: fates };
}

test('each address is taken once, and the others say whose it is', () => {
  const { brokers, fates } = listOf(chosen({ one: 'b1,b2', two: 'b2', three: 'b3' }));
  expect(brokers).toEqual(['b1:9092', 'b2:9092', 'b3:9092']);
  expect(fates.filter(({ outcome }) => outcome === 'duplicate')).toMatchObject([
    { key: 'two', address: 'b2:9092', firstKey: 'one' },
  ]);
});

test('a broker is left out when no listener of it fits; another listener of one that is taken is no loss', () => {
  const { outcomes, leftOut } = listOf(
    chosen(
      { a: '{"host":null,"endpoints":["SSL://a:1","PLAINTEXT://a:2"]}', b: 'SSL://b:1', c: 'PLAINTEXT://c:1' },
      'ssl',
    ),
  );
  expect(outcomes).toEqual(['a a:1 listed', 'a a:2 listener', 'b b:1 listed', 'c c:1 listener']);
  expect(leftOut).toBe('1 listener');
});

test('K12 an address that is not allowed has no say in which protocol the list is of', () => {
  const values = { a: 'PLAINTEXT://10.0.0.1', b: 'PLAINTEXT://10.0.0.2', c: 'SSL://c:1' };
  const { outcomes } = listOf(chosen(values, undefined, ['c']));
  expect(outcomes).toEqual(['a 10.0.0.1:9092 disallowed', 'b 10.0.0.2:9092 disallowed', 'c c:1 listed']);
});

test('K12 of a broker with two listeners the allowed one is taken', () => {
  const value = '{"host":null,"endpoints":["INTERNAL://10.0.0.1:9092","EXTERNAL://k1.example.com:9092"]}';
  const { brokers, leftOut } = listOf(chosen({ a: value }, undefined, ['*.example.com']));
  expect([brokers, leftOut]).toEqual([['k1.example.com:9092'], '']);
});

const unreachable: ProbeResult = { error: new WatchError('UNREACHABLE', 'refused') };
test.each([
  ['nobody is asked', undefined, undefined, 'listed'],
  ['not asked yet', 'none', undefined, 'unproven'],
  ['any cluster', { clusterId: 'one' }, undefined, 'listed'],
  ['the right cluster', { clusterId: 'one' }, 'one', 'listed'],
  ['another, that was told before one was learned', { clusterId: 'two' }, 'one', 'other-cluster'],
  ['another', { error: new WatchError('OTHER_CLUSTER', 'two') }, 'one', 'other-cluster'],
  ['it advertises what is not allowed', { error: new WatchError('FORBIDDEN', 'no') }, undefined, 'disallowed'],
  ['no answer', unreachable, undefined, 'unreachable'],
  ['no answer in time', { error: new WatchError('TIMEOUT', 'late') }, undefined, 'unreachable'],
  ['no Kafka', { error: new WatchError('BAD_RESPONSE', 'HTTP') }, undefined, 'unreachable'],
  ['a wrong password', { error: new WatchError('UNAUTHENTICATED', 'who?') }, undefined, 'unreachable'],
] as const)('what a probe makes of a broker: %s', (_, answer, clusterId, outcome) => {
  const probed =
    answer === undefined ? {} : { probed: new Map<string, ProbeResult>(answer === 'none' ? [] : [['b:9092', answer]]) };
  expect(listOf(chosen({ b: 'b' }), { ...probed, clusterId }).outcomes).toEqual([`b b:9092 ${outcome}`]);
  const known = listOf(chosen({ b: 'b' }), { ...probed, clusterId, known: new Set(['b:9092']) }).outcomes;
  const always = outcome === 'other-cluster' || outcome === 'disallowed';
  expect(known, 'when it was listed before').toEqual([`b b:9092 ${always ? outcome : 'listed'}`]);
});

test('each cluster that answered is told, with a broker of it', () => {
  const probed = new Map<string, ProbeResult>([
    ['a:9092', { clusterId: 'one' }],
    ['b:9092', { clusterId: 'one' }],
    ['c:9092', { clusterId: 'two' }],
    ['d:9092', unreachable],
  ]);
  const { clusters, leftOut } = listOf(chosen({ k: 'a,b,c,d' }), { probed });
  expect([...clusters]).toEqual([
    ['one', 'a:9092'],
    ['two', 'c:9092'],
  ]);
  expect(leftOut).toBe('1 unreachable');
});

test('the limit takes those that are usable, spread over racks', () => {
  const json = (host: string, rack: string): string => JSON.stringify({ host, rack });
  const values = { a: json('a', 'x'), b: json('b', 'x'), c: json('c', 'y'), d: json('d', 'z') };
  const probed = new Map<string, ProbeResult>(['a', 'b', 'c'].map((host) => [`${host}:9092`, { clusterId: 'one' }]));
  const { brokers, usable, outcomes } = listOf(chosen(values), { probed }, 2);
  expect(brokers).toEqual(['a:9092', 'c:9092']);
  expect(usable).toEqual(['a:9092', 'b:9092', 'c:9092']);
  expect(outcomes).toEqual(['a a:9092 listed', 'b b:9092 capped', 'c c:9092 listed', 'd d:9092 unproven']);
});

test('the limit prefers brokers that proved themselves over those that are merely kept', () => {
  const probed = new Map<string, ProbeResult>([
    ['a:9092', unreachable],
    ['b:9092', unreachable],
    ...['c', 'd', 'e'].map((host) => [`${host}:9092`, { clusterId: 'one' }] as const),
  ]);
  const known = new Set(['a:9092', 'b:9092']);
  const { brokers, outcomes } = listOf(chosen({ k: 'a,b,c,d,e' }), { probed, known }, 3);
  expect(brokers).toEqual(['c:9092', 'd:9092', 'e:9092']);
  expect(outcomes.slice(0, 2)).toEqual(['k a:9092 capped', 'k b:9092 capped']);
  expect(listOf(chosen({ k: 'a,b,c,d,e' }), { probed, known }, 4).brokers).toContain('a:9092');
});

test('two addresses of one broker are one broker, where it told its id', () => {
  const probed = new Map<string, ProbeResult>([
    ['a:9092', { clusterId: 'one', nodeId: 1 }],
    ['b:9092', { clusterId: 'one', nodeId: 1 }],
    ['c:9092', { clusterId: 'one' }],
    ['d:9092', { clusterId: 'one' }],
  ]);
  expect(listOf(chosen({ k: 'a,b,c,d' }), { probed }).brokerCount).toBe(3);
  expect(listOf(chosen({ k: 'a,b,c,d' })).brokerCount).toBe(4);
});

test.each([
  [['one', 'one'], 3, 'one', ''],
  [['one'], 2, undefined, '1 of 2 addresses told it'],
  [['one', 'one'], 4, undefined, '2 of 4 addresses told it'],
  [[], 1, undefined, '0 of 1 addresses told it'],
  [['one', 'two'], 2, undefined, '2 of 2 addresses told it'],
])('K10 of the answers %j among %i addresses the cluster id learned is %s', (answers, count, agreed, note) => {
  const hosts = [...'abcd'].slice(0, count);
  const probed = new Map<string, ProbeResult>(
    hosts.map((host, i) => {
      const clusterId = answers[i];
      return [`${host}:9092`, clusterId === undefined ? unreachable : { clusterId }];
    }),
  );
  const { agreedCluster, unlearned } = listOf(chosen({ k: hosts.join() }), { probed });
  expect(agreedCluster).toBe(agreed);
  if (note === '') expect(unlearned).toBe('');
  else expect(unlearned).toContain(note);
  expect(listOf(chosen({ k: hosts.join() }), { probed, clusterId: 'one' }).unlearned).toBe('');
});

test('a list is made of 10,000 addresses at most', () => {
  const values: Record<string, string> = {};
  for (let i = 0; i < 101; i++) values[`k${i}`] = Array.from({ length: 100 }, (_, j) => `b${i}-${j}`).join();
  const { brokers, leftOut } = listOf(chosen(values));
  expect([brokers.length, leftOut]).toEqual([10_000, '100 capped']);
});

test('a few keys with many addresses crowd out no other key, nor one that states its listener', () => {
  const values: Record<string, string> = {};
  for (let i = 0; i < 101; i++) values[`a${i}`] = Array.from({ length: 100 }, (_, j) => `b${i}-${j}`).join();
  expect(listOf(chosen({ ...values, z: 'good' })).brokers).toContain('good:9092');
  const many: Record<string, string> = {};
  for (let i = 0; i < 10_100; i++) many[`a${i}`] = `b${i}`;
  expect(listOf(chosen({ ...many, z: 'SASL_SSL://good' }, 'SASL_SSL')).brokers).toContain('good:9092');
});
