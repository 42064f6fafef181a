import { formatEndpoint, WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import { allowList } from '../../src/address/allow.js';
import { decodeBrokers } from '../../src/address/decode.js';
import type { Probed } from '../../src/gate/prober.js';
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

const unreachable: Probed = { error: new WatchError('UNREACHABLE', 'refused') };
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
    answer === undefined ? {} : { probed: new Map<string, Probed>(answer === 'none' ? [] : [['b:9092', answer]]) };
  expect(listOf(chosen({ b: 'b' }), { ...probed, clusterId }).outcomes).toEqual([`b b:9092 ${outcome}`]);
  const known = listOf(chosen({ b: 'b' }), { ...probed, clusterId, known: new Set(['b:9092']) }).outcomes;
  const always = outcome === 'other-cluster' || outcome === 'disallowed';
  expect(known, 'when it was listed before').toEqual([`b b:9092 ${always ? outcome : 'listed'}`]);
});

test('each cluster that answered is told, with a broker of it', () => {
  const probed = new Map<string, Probed>([
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
  const probed = new Map<string, Probed>(['a', 'b', 'c'].map((host) => [`${host}:9092`, { clusterId: 'one' }]));
  const { brokers, usable, outcomes } = listOf(chosen(values), { probed }, 2);
  expect(brokers).toEqual(['a:9092', 'c:9092']);
  expect(usable).toEqual(['a:9092', 'b:9092', 'c:9092']);
  expect(outcomes).toEqual(['a a:9092 listed', 'b b:9092 capped', 'c c:9092 listed', 'd d:9092 unproven']);
});

test('what is taken is an endpoint', () => {
  expect(
    [...chosen({ a: '[::1]:1' }).taken].map(([address, { candidate }]) => [address, formatEndpoint(candidate)]),
  ).toEqual([['[::1]:1', '[::1]:1']]);
});
