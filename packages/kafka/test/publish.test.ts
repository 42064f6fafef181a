import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEndpoint } from '../src/endpoint.js';
import { bootstrapServers, decide, forKafkajs } from '../src/publish.js';

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

test.each([
  [undefined, [], 1, 'too-few'],
  [undefined, ['a'], 1, 'publish'],
  [['a'], ['a'], 1, 'same'],
  [['a'], ['b'], 1, 'publish'],
  [['a'], ['a', 'b'], 1, 'publish'],
  [['a', 'b'], ['a'], 1, 'publish'],
  [['a', 'b'], ['a'], 2, 'too-few'],
  [['a'], [], 1, 'too-few'],
] as const)('with %j followed, %j found and at least %i wanted: %s', (current, found, minBrokers, decision) => {
  expect(decide(current, found, minBrokers)).toBe(decision);
});

test('kafkajs is given no IPv6 address', () => {
  expect(forKafkajs(['[::1]:9092', 'b1:9092'])).toEqual({ usable: ['b1:9092'], leftOut: ['[::1]:9092'] });
});
