import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokerAddress } from '../../src/index.js';

/** What addresses are made of, and what spoils them. */
const PART = fc.constantFrom(
  ...['a', 'B', '.', ':', '[', ']', '/', '1', '65535', '::1', '%', ' ', '-', '_', ',', '@', '://', 'é', '\u001b'],
);

test.each([
  ['10.0.0.1:9093', '10.0.0.1:9093'],
  ['kafka', 'kafka:9092'],
  ['  Broker-1.EXAMPLE.com.:9092\n', 'broker-1.example.com:9092'],
  ['my_broker:1', 'my_broker:1'],
  ['PLAINTEXT://b1:9092', 'b1:9092'],
  ['sasl_ssl://B1', 'b1:9092'],
  ['[::1]:9092', '[::1]:9092'],
  ['[2001:DB8:0:0::0:1]', '[2001:db8::1]:9092'],
  ['SSL://[2001:db8::1]:65535', '[2001:db8::1]:65535'],
  ['b1:09092', 'b1:9092'],
])('K19 %j is %s', (text, canonical) => {
  expect(String(BrokerAddress.parse(text))).toBe(canonical);
});

test.each([
  ['', 'there is no host'],
  [':9092', 'there is no host'],
  ['SSL://:9093', 'there is no host'],
  ['b1:', 'the port "" is not'],
  ['b1:0', 'the port "0" is not'],
  ['b1:65536', 'the port "65536" is not'],
  ['b1:9e3', 'the port "9e3" is not'],
  ['b1:9092:9093', 'the port "9092:9093" is not'],
  ['b1:9092/topic', 'the port "9092/topic" is not'],
  ['::1', 'needs brackets'],
  ['fe80::1:9092', 'needs brackets'],
  ['[::1', 'is not host:port'],
  ['[b1]:9092', 'no IPv6 address in the brackets'],
  ['[fe80::1%eth0]:9092', 'zone means nothing'],
  ['not a broker', 'is not a host name'],
  ['user@b1', 'no user and no password'],
  ['b1..example.com', 'is not a host name'],
  ['-b1', 'is not a host name'],
  [`${'a'.repeat(64)}.com`, 'is not a host name'],
  ['10.0.0.256:9092', 'is not an IPv4 address'],
  ['010.0.0.1', 'is not an IPv4 address'],
  ['9092', 'is not an IPv4 address'],
  ['0x7f000001', 'is not an IPv4 address'],
  ['0.0.0.0:9092', 'wildcard'],
  ['[::]:9092', 'wildcard'],
  ['[::ffff:0.0.0.0]:9092', 'wildcard'],
  ['10.0.0.1.:9092', 'the dot at its end'],
])('%j is refused: %s', (text, reason) => {
  expect(() => BrokerAddress.parse(text)).toThrow(reason);
});

test.each([
  [5, 9092, 'the host 5 is not text'],
  ['::1.', 9092, 'the dot at its end'],
  ['b1', 9092.5, 'the port 9092.5 is not'],
  ['b1', '1e3', 'the port "1e3" is not'],
  ['b1', Number.NaN, 'the port null is not'],
])('the host %j with the port %j is refused', (host, port, reason) => {
  expect(() => BrokerAddress.of(host, port)).toThrow(reason);
});

test('every IPv6 address has one form, whatever way it is written', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 1, max: 65535 }), (address, port) => {
      fc.pre(!/^[0:.]*$/.test(address));
      const canonical = String(BrokerAddress.parse(`[${address}]:${port}`));
      expect(String(BrokerAddress.parse(`[${address.toUpperCase()}]:${port}`))).toBe(canonical);
      expect(String(BrokerAddress.parse(canonical))).toBe(canonical);
    }),
  );
});

test.each([
  ['[2001:DB8::1]', '[2001:db8::1]:9092'],
  ['2001:db8::1', '[2001:db8::1]:9092'],
  ['KAFKA-1.', 'kafka-1:9092'],
])('the host %j may be written so: %s', (host, text) => {
  expect(String(BrokerAddress.of(host, '9092'))).toBe(text);
});

test.each([
  '[http://10.0.0.1]',
  '[[::1]]',
  '[10.0.0.1]',
  '[]',
  'a:1,203.0.113.9:9092,b.example.org',
  'b1:9092',
  'SSL://b1',
  'x:\u001b[31mred',
  'a\u202eb',
  '\u212a', // the Kelvin sign, which is a k in lower case
])('what is no host is none with a colon or a bracket either: %j', (host) => {
  expect(() => BrokerAddress.of(host, 9092)).toThrow(/is not a host name|there is no host/);
});

test.each(['app:S3cret@b1:9092', 'SASL_SSL://app:S3cret@b1', 'S3cret@', '@S3cret'])('no reason quotes %j', (text) => {
  for (const make of [
    () => BrokerAddress.parse(text),
    () => BrokerAddress.of(text, 1),
    () => BrokerAddress.of('b1', text),
  ])
    expect(make).toThrow(expect.objectContaining({ message: expect.not.stringContaining('S3cret') }));
});

test('an address is one text wherever it is shown', () => {
  const address = BrokerAddress.of('::1', 9092);
  expect([String(address), JSON.stringify({ address }), inspect(address)]).toEqual([
    '[::1]:9092',
    '{"address":"[::1]:9092"}',
    'BrokerAddress([::1]:9092)',
  ]);
  const sorted = ['b:2', 'b:10', 'a:3'].map((text) => BrokerAddress.parse(text)).sort(BrokerAddress.compare);
  expect(sorted.join()).toBe('a:3,b:2,b:10');
});

test('numbers in hosts are ordered as numbers, and the order is one whatever it begins with', () => {
  const ordered = [
    '10.0.0.2',
    '10.0.0.10',
    '192.0.2.1',
    'b1',
    'b2',
    'b10',
    'b10-a',
    'b010.x',
    'kafka',
    'kafka-1',
    'kafka-12',
  ];
  const sorted = (hosts: readonly string[]): string[] =>
    hosts
      .map((host) => BrokerAddress.of(host, 1))
      .sort(BrokerAddress.compare)
      .map(({ host }) => host);
  expect(sorted([...ordered].reverse())).toEqual(ordered);
  const host = fc.stringMatching(/^b[a-b0-2]{0,3}(-[a0-1]{1,3})?[a-z]$/);
  fc.assert(
    fc.property(fc.uniqueArray(host, { maxLength: 6 }), fc.infiniteStream(fc.nat()), (hosts, random) => {
      const shuffled = hosts.map((each) => ({ each, at: random.next().value })).sort((a, b) => a.at - b.at);
      expect(sorted(shuffled.map(({ each }) => each))).toEqual(sorted(hosts));
    }),
  );
});

test('every address that can be made is read back from its text, which holds nothing that cuts a list', () => {
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.array(PART).map((each) => each.join('')),
  );
  fc.assert(
    fc.property(host, fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.string(), fc.anything()), (name, port) => {
      let address: BrokerAddress;
      try {
        address = BrokerAddress.of(name, port);
      } catch (error) {
        expect((error as Error).message).toMatch(/^[^\p{Cc}\p{Cf}]{1,250}$/u);
        return;
      }
      expect(BrokerAddress.parse(String(address))).toEqual(address);
      expect(String(address)).toMatch(/^(?:\[[0-9a-f:]+\]|[a-z0-9._-]+):\d+$/);
    }),
    { numRuns: 5_000 },
  );
});

test('whatever text comes, it is a canonical endpoint or an error of one short line', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(PART).map((each) => each.join('')),
      ),
      (text) => {
        let canonical: string;
        try {
          canonical = String(BrokerAddress.parse(text));
        } catch (error) {
          expect((error as Error).message.length).toBeLessThan(200);
          return;
        }
        expect(String(BrokerAddress.parse(canonical))).toBe(canonical);
      },
    ),
    { numRuns: 500 },
  );
});
