import { BrokerAddress } from '@rollcall/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bootstrapServers, type Orderable, type OrderOptions, ordered } from '../../src/list/order.js';

const servers = (...addresses: string[]) => bootstrapServers(addresses.map((text) => BrokerAddress.parse(text)));

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

const broker = (host: string, rack?: string) => ({ address: BrokerAddress.of(host, 9092), ...(rack && { rack }) });
const RACKS = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((host) => broker(host, host.charAt(0)));
const hosts = (brokers: readonly Orderable[], options: OrderOptions): string =>
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
  const brokers = ['a', 'b', 'c'].map((host) => broker(host));
  expect(ordered([...brokers, broker('d', 'r')], { limit: 2 })).toEqual(['a:9092', 'd:9092']);
});

test('what did not prove itself comes into a limited list only where there is room, whatever its rack', () => {
  const unsure = new Set(['a1', 'b1', 'c1']);
  const brokers = RACKS.map((each) => ({ ...each, unsure: unsure.has(each.address.host) }));
  expect(hosts(brokers, { limit: 3 })).toBe('a2 a3 b2');
  expect(hosts(brokers, { limit: 4 })).toBe('a2 a3 a4 b2');
  expect(hosts(brokers, { limit: 5 })).toBe('a1 a2 a3 a4 b2');
  expect(hosts(brokers, {})).toBe('a1 a2 a3 a4 b1 b2 c1');
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
  const any = fc.tuple(fc.constantFrom(...'abcdefghijkl'), fc.constantFrom('x', 'y', 'z'));
  const brokers = fc
    .uniqueArray(any, { selector: ([host]) => host, minLength: 2 })
    .map((all) => all.map(([host, rack]) => broker(host, rack)));
  fc.assert(
    fc.property(brokers, fc.nat(), fc.integer({ min: 1, max: 5 }), (all, seed, limit) => {
      const options = { shuffle: seed, limit };
      const whole = ordered(all, { shuffle: seed });
      for (const gone of all) {
        const address = String(gone.address);
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
