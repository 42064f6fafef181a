import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEndpoint } from '../../src/address/endpoint.js';
import { bootstrapServers, type OrderOptions, ordered } from '../../src/list/order.js';

const servers = (...addresses: string[]) => bootstrapServers(addresses.map(parseEndpoint));

test('K19 each address once, ordered by host and then port', () => {
  expect(servers('b2', 'B1:10000', 'b1.:9092', '[::1]', '[0:0::1]:9092', 'b2:9092')).toEqual([
    '[::1]:9092',
    'b1:9092',
    'b1:10000',
    'b2:9092',
  ]);
});

test('the list depends on the set of addresses alone', () => {
  const address = fc
    .tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 9 }))
    .map(([host, port]) => `${host}:${port}`);
  fc.assert(
    fc.property(fc.array(address), fc.infiniteStream(fc.nat()), (addresses, order) => {
      const shuffled = addresses.map((each) => ({ each, at: order.next().value })).sort((a, b) => a.at - b.at);
      expect(servers(...shuffled.map(({ each }) => each), ...addresses)).toEqual(servers(...addresses));
    }),
  );
});

test('the list cannot be changed by a reader', () => {
  expect(Object.isFrozen(servers('b1'))).toBe(true);
});

const RACKS = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((host) => ({ host, port: 9092, rack: host.charAt(0) }));
const hosts = (brokers: typeof RACKS, options: OrderOptions): string =>
  ordered(brokers, options)
    .map((address) => address.replace(':9092', ''))
    .join(' ');

test.each([
  [{}, 'a1 a2 a3 a4 b1 b2 c1'],
  [{ limit: 7 }, 'a1 a2 a3 a4 b1 b2 c1'],
  [{ limit: 3 }, 'a1 b1 c1'],
  [{ limit: 5 }, 'a1 a2 b1 b2 c1'],
  [{ limit: 6 }, 'a1 a2 a3 b1 b2 c1'],
  [{ limit: 2 }, 'a1 b1'],
])('the limit is spread over racks, and keeps the order: %j', (options, list) => {
  expect(hosts(RACKS, options)).toBe(list);
  expect(hosts(RACKS.toReversed(), options)).toBe(list);
});

test('brokers without a rack are one rack', () => {
  const brokers = ['a', 'b', 'c'].map((host) => ({ host, port: 1 }));
  expect(ordered([...brokers, { host: 'd', port: 1, rack: 'r' }], { limit: 2 })).toEqual(['a:1', 'd:1']);
});

test('a seed gives one order for one set of addresses; another seed another', () => {
  const shuffled = hosts(RACKS, { shuffle: 7 });
  expect(shuffled.split(' ').sort().join(' ')).toBe(hosts(RACKS, {}));
  expect(hosts(RACKS.toReversed(), { shuffle: 7 })).toBe(shuffled);
  expect(hosts(RACKS, { shuffle: '7' })).toBe(shuffled);
  const orders = Array.from({ length: 20 }, (_, seed) => hosts(RACKS, { shuffle: seed }));
  expect(new Set(orders).size).toBe(20);
  const firsts = new Set(orders.map((order) => order.slice(0, 2)));
  expect(firsts.size).toBeGreaterThan(3);
});

test('with a seed, a broker that comes or goes moves no other; with a limit, one that was not listed is missed by nobody', () => {
  const broker = fc.record({
    host: fc.constantFrom(...'abcdefghijkl'),
    port: fc.constant(1),
    rack: fc.constantFrom('x', 'y', 'z'),
  });
  const brokers = fc.uniqueArray(broker, { selector: ({ host }) => host, minLength: 2 });
  fc.assert(
    fc.property(brokers, fc.nat(), fc.integer({ min: 1, max: 5 }), (all, seed, limit) => {
      const options = { shuffle: seed, limit };
      const whole = ordered(all, { shuffle: seed });
      for (const gone of all) {
        const address = `${gone.host}:1`;
        const left = all.filter((each) => each !== gone);
        expect(ordered(left, { shuffle: seed })).toEqual(whole.filter((each) => each !== address));
        const listed = ordered(all, options);
        if (!listed.includes(address)) expect(ordered(left, options)).toEqual(listed);
      }
    }),
  );
});

test('a limited list cannot be changed by a reader', () => {
  expect(Object.isFrozen(ordered(RACKS, { shuffle: 1, limit: 2 }))).toBe(true);
});
