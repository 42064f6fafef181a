import { BrokerAddress } from '@rollcall/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allowList } from '../../src/address/allow.js';
import { createGate } from '../../src/gate/gate.js';
import type { Gate } from '../../src/gate/types.js';

const allows = (entries: readonly string[], address: string): boolean =>
  allowList(entries)(BrokerAddress.parse(address)) === undefined;

test.each([
  ['kafka-1', 'kafka-1:9092', 'kafka-1.example.com:9092'],
  ['Kafka-1.Example.com.', 'kafka-1.example.com', 'kafka-11.example.com'],
  ['*.example.com', 'a.b.example.com', 'example.com'],
  ['*.example.com', 'a.example.com', 'badexample.com'],
  ['*.example.com', 'a.example.com', 'a.example.com.evil.org'],
  ['10.0.0.0/8', '10.255.0.1', '11.0.0.1'],
  ['10.0.0.5/8', '10.9.9.9', '9.255.255.255'],
  ['10.0.0.1', '10.0.0.1:1', '10.0.0.10'],
  ['0.0.0.0/0', '1.2.3.4', '[2001:db8::1]'],
  ['::/0', '[2001:db8::1]', '1.2.3.4'],
  ['2001:db8::/32', '[2001:DB8:0::1]', '[2001:db9::1]'],
  ['[2001:db8::]/32', '[2001:db8:ffff::1]', '[2001:db7::1]'],
  ['::1', '[0:0:0:0:0:0:0:1]:9092', '[::2]'],
  ['[::1]', '[::1]', 'localhost'],
  ['10.0.0.1', '10.0.0.1', 'kafka-1'],
  ['localhost', 'localhost', '127.0.0.1'],
  ['kafka-1:9093', 'kafka-1:9093', 'kafka-1:9092'],
  ['10.0.0.0/8:9093', '10.0.0.1:9093', '10.0.0.1:9092'],
  ['[::1]:9093', '[::1]:9093', '[::1]:9092'],
  ['*.example.com:9093', 'b.example.com:9093', 'b.example.com'],
])('K12 %j allows %s and not %s', (entry, allowed, refused) => {
  expect(allows([entry], allowed)).toBe(true);
  expect(allows([entry], refused)).toBe(false);
});

test.each([
  ['10.0.0.0/8', '[::ffff:10.0.0.1]', '[::ffff:11.0.0.1]'],
  ['::ffff:10.0.0.0/104', '10.0.0.1', '11.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1', '10.0.0.2'],
  ['::/0', '[::1]', '[::ffff:169.254.169.254]'],
])('K12 an IPv4 address is one however it is written: %j allows %s and not %s', (entry, allowed, refused) => {
  expect(allows([entry], allowed)).toBe(true);
  expect(allows([entry], refused)).toBe(false);
});

test('one entry is enough, and the reason against others names them', () => {
  const refusal = allowList(['10.0.0.0/8', 'kafka-1']);
  expect(refusal(BrokerAddress.of('kafka-1', 9092))).toBeUndefined();
  expect(refusal(BrokerAddress.of('10.0.0.1', 9092))).toBeUndefined();
  expect(refusal(BrokerAddress.of('2001:db8::1', 9092))).toBe('[2001:db8::1]:9092 is not in the allow-list');
});

test('without a list any broker may be used', () => {
  expect(allowList(undefined)(BrokerAddress.of('anything', 1))).toBeUndefined();
});

test.each([
  ['KAFKA-1.', undefined],
  ['0x0a000001', 'not an IPv4 address'],
  ['167772161', 'not an IPv4 address'],
  ['', 'there is no host'],
  ['kafka-1\u0000', 'not a host name'],
  ['10.0.0.1.', 'the dot at its end'],
])('K12 what another broker advertises is not canonical, and is looked at so: %j', (host, reason) => {
  const refusal = createGate({ allow: ['0.0.0.0/0', 'kafka-1'] }).refusal({ host, port: 9092 });
  if (reason === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toContain(reason);
});

test.each([
  ['', 'there is no host'],
  ['*', 'not a host name'],
  ['a.*.com', 'not a host name'],
  ['*.10', 'not an IPv4 address'],
  ['10.0.0.0/33', '/33 is more than its 32 bits'],
  ['::/129', '/129 is more than its 128 bits'],
  ['10.0.0/8', '"10.0.0" is not an address'],
  ['kafka-1/8', '"kafka-1" is not an address'],
  ['kafka-1:0', 'the port "0"'],
  ['kafka-1:', 'the port ""'],
  ['[kafka]', 'no IPv6 address in the brackets'],
  ['[fe80::1%eth0]', 'zone'],
  ['SSL://kafka-1:9093', 'the port "//kafka-1:9093"'],
  ['a[b', 'write host, host:port'],
  ['10.0.0.1 10.0.0.2', 'not a host name'],
])('the entry %j is refused: %s', (entry, why) => {
  const make = () => allowList(['ok', entry]);
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  expect(make).toThrow('"allow[1]"');
  expect(make).toThrow(why);
});

test('an empty list is refused: it is a mistake, not a wish', () => {
  expect(() => allowList([])).toThrow('"allow" is empty');
});

test('whatever the entry, there is a rule or an INVALID_OPTION; whatever the host, an answer', () => {
  const parts = fc.constantFrom('a', '*', '.', ':', '[', ']', '/', '10', '::', '%', '255', ' ', 'ffff', '0');
  const text = fc.oneof(
    fc.string(),
    fc.array(parts).map((each) => each.join('')),
  );
  fc.assert(
    fc.property(text, text, (entry, host) => {
      let refusal: Gate['refusal'];
      try {
        const gate = createGate({ allow: [entry] });
        refusal = (endpoint) => gate.refusal(endpoint);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_OPTION' });
        return;
      }
      refusal({ host, port: 9092 });
    }),
    { numRuns: 1000 },
  );
});
