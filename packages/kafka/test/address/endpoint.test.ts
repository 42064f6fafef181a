import { formatEndpoint } from '@rollcall/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { endpointOf, parseEndpoint } from '../../src/address/endpoint.js';

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
  expect(formatEndpoint(parseEndpoint(text))).toBe(canonical);
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
  ['user@b1', 'is not a host name'],
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
  expect(() => parseEndpoint(text)).toThrow(reason);
});

test.each([
  [5, 9092, 'the host 5 is not text'],
  ['::1.', 9092, 'the dot at its end'],
  ['b1', 9092.5, 'the port 9092.5 is not'],
  ['b1', '1e3', 'the port "1e3" is not'],
  ['b1', Number.NaN, 'the port null is not'],
])('the host %j with the port %j is refused', (host, port, reason) => {
  expect(() => endpointOf(host, port)).toThrow(reason);
});

test('every IPv6 address has one form, whatever way it is written', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 1, max: 65535 }), (address, port) => {
      fc.pre(!/^[0:.]*$/.test(address));
      const canonical = formatEndpoint(parseEndpoint(`[${address}]:${port}`));
      expect(formatEndpoint(parseEndpoint(`[${address.toUpperCase()}]:${port}`))).toBe(canonical);
      expect(formatEndpoint(parseEndpoint(canonical))).toBe(canonical);
    }),
  );
});

test('whatever text comes, it is a canonical endpoint or an error of one short line', () => {
  const parts = fc.constantFrom(
    'a',
    'B',
    '.',
    ':',
    '[',
    ']',
    '/',
    '1',
    '65535',
    '::1',
    '%',
    ' ',
    '-',
    '_',
    ',',
    '://',
    'é',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(parts).map((each) => each.join('')),
      ),
      (text) => {
        let canonical: string;
        try {
          canonical = formatEndpoint(parseEndpoint(text));
        } catch (error) {
          expect((error as Error).message.length).toBeLessThan(200);
          return;
        }
        expect(formatEndpoint(parseEndpoint(canonical))).toBe(canonical);
      },
    ),
    { numRuns: 500 },
  );
});
