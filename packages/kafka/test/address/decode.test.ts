import { formatEndpoint } from '@rollcall/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBrokers } from '../../src/address/decode.js';

function decode(value: string | Uint8Array | object, key = 'broker/kafka/1') {
  const text = typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value);
  const rejected: string[] = [];
  const endpoints = decodeBrokers(Buffer.from(text), key, (reason) => rejected.push(reason));
  return { brokers: endpoints.flat().map(formatEndpoint), rejected };
}
const brokersOf = (...from: Parameters<typeof decode>): string => decode(...from).brokers.join(',');

test.each([
  ['broker/kafka/172.20.20.11:8080', '172.20.20.11:8080'],
  ['172.20.20.11:8080', '172.20.20.11:8080'],
  ['kafka/B1.example.com/', 'b1.example.com:9092'],
  ['broker/kafka/[::1]:9092', '[::1]:9092'],
  ['broker/kafka/SASL_SSL://b1:9093', 'b1:9093'],
])('with an empty value the key names the broker: %s', (key, address) => {
  expect(brokersOf('', key)).toBe(address);
  expect(brokersOf(' \n', key)).toBe(address);
});

test.each(['', '/', 'broker/kafka/not a broker'])('a key that names no broker is refused: %j', (key) => {
  expect(() => decode('', key)).toThrow(/names no broker|is not a host name/);
});

test.each([
  ['host:port', 'b1:9093', 'b1:9093'],
  ['a list', 'b1:9092, b2:9093 ,b3,', 'b1:9092,b2:9093,b3:9092'],
  ['with a protocol', 'SASL_SSL://b1:9093,SASL_SSL://b2:9093', 'b1:9093,b2:9093'],
  ['IPv6', '[::1]:9092', '[::1]:9092'],
  ['JSON', { host: 'b1', port: 9093 }, 'b1:9093'],
  ['JSON with the port as text', { host: 'b1', port: '9093' }, 'b1:9093'],
  ['JSON without a port', { host: 'b1' }, 'b1:9092'],
  ['JSON with an IPv6 host', { host: '::1', port: 9092 }, '[::1]:9092'],
  ['a JSON list', ['b1:9092', { host: 'b2', port: 9093 }], 'b1:9092,b2:9093'],
  ['a JSON string', '"b1:9092"', 'b1:9092'],
  [
    "Consul's endpoint",
    { host: '10.0.0.1', port: 9092, id: 'kafka-1', node: 'n1', tags: [], meta: {}, status: 'passing', weight: 1 },
    '10.0.0.1:9092',
  ],
])('the value names brokers: %s', (_, value, brokers) => {
  expect(brokersOf(value)).toBe(brokers);
});

const candidatesOf = (value: object): string[] => {
  const [broker = [], ...others] = decodeBrokers(Buffer.from(JSON.stringify(value)), 'brokers/ids/0', (reason) => {
    throw new Error(reason);
  });
  expect(others).toEqual([]);
  return broker.map(({ listener, protocol, rack, ...endpoint }) =>
    [formatEndpoint(endpoint), listener ?? '-', protocol ?? '-', rack ?? '-'].join(' '),
  );
};

// https://github.com/apache/kafka/blob/3.9/core/src/main/scala/kafka/zk/ZkData.scala (BrokerIdZNode)
test.each([
  [1, { version: 1, host: 'B1', port: 9092, jmx_port: 9999 }, ['b1:9092 - - -']],
  [2, { version: 2, host: 'b1', port: 9092, jmx_port: 9999, timestamp: '2233345666' }, ['b1:9092 - - -']],
  [
    3,
    {
      version: 3,
      host: 'b1',
      port: 9092,
      jmx_port: -1,
      timestamp: '1',
      endpoints: ['PLAINTEXT://b1:9092', 'SSL://b1:9093'],
    },
    ['b1:9092 PLAINTEXT PLAINTEXT -', 'b1:9093 SSL SSL -'],
  ],
  [
    4,
    {
      version: 4,
      host: null,
      port: -1,
      jmx_port: -1,
      timestamp: '1',
      endpoints: ['CLIENT://b1:9093'],
      listener_security_protocol_map: { CLIENT: 'SSL' },
      rack: 'dc1',
    },
    ['b1:9093 CLIENT SSL dc1'],
  ],
  [
    5,
    {
      version: 5,
      host: null,
      port: -1,
      jmx_port: -1,
      timestamp: '1',
      endpoints: ['REPLICATION://b1:9094', 'CLIENT://[::1]:9093'],
      listener_security_protocol_map: { REPLICATION: 'SASL_SSL', CLIENT: 'SSL' },
      rack: null,
      features: {},
    },
    ['b1:9094 REPLICATION SASL_SSL -', '[::1]:9093 CLIENT SSL -'],
  ],
])("K19 ZooKeeper's broker JSON, version %i", (_, value, candidates) => {
  expect(candidatesOf(value)).toEqual(candidates);
});

test.each([
  [{ host: 'b1', listener: 'external' }, 'b1:9092 EXTERNAL - -'],
  [{ host: 'b1', listener: 'ssl' }, 'b1:9092 SSL SSL -'],
  [{ host: 'b1', protocol: 'sasl_ssl', rack: 'r1' }, 'b1:9092 - SASL_SSL r1'],
  [{ host: 'b1', listener: 'X', protocol: 'SSL' }, 'b1:9092 X SSL -'],
  [{ host: 'b1', protocol: 'tcp' }, 'b1:9092 - - -'],
  [{ host: 'b1', meta: { rack: 'r2', listener: 'X', protocol: 'SSL' }, tags: [] }, 'b1:9092 X SSL r2'],
  [{ host: 'b1', rack: 'own', meta: { rack: 'other' } }, 'b1:9092 - - own'],
  [{ host: 'b1', rack: 7, listener: null }, 'b1:9092 - - -'],
  [{ host: null, endpoints: ['CLIENT://b1'], rack: 'r3' }, 'b1:9092 CLIENT - r3'],
])('what JSON says of a broker besides its address: %j', (value, candidate) => {
  expect(candidatesOf(value)).toEqual([candidate]);
});

test('the address beside the endpoints is one more, if it is not one of them', () => {
  expect(candidatesOf({ host: 'b1', port: 9092, endpoints: ['SSL://b1:9093'] })).toEqual([
    'b1:9093 SSL SSL -',
    'b1:9092 - - -',
  ]);
});

test('K07 a bad endpoint of a broker never costs its others', () => {
  const { brokers, rejected } = decode({ host: null, port: -1, endpoints: ['SSL://b1:0', 'SASL_SSL://b1:9094'] });
  expect(brokers).toEqual(['b1:9094']);
  expect(rejected).toEqual([expect.stringContaining('"SSL://b1:0"')]);
  expect(() => decode({ host: null, port: -1, endpoints: ['SSL://b1:0'] })).toThrow('"SSL://b1:0"');
});

test('K07 one bad entry never costs the others, and each bad one has a reason', () => {
  const { brokers, rejected } = decode('b1:9092,b2:99999,not a broker,[::1]:9092');
  expect(brokers).toEqual(['b1:9092', '[::1]:9092']);
  expect(rejected).toEqual([
    '"b2:99999": the port "99999" is not a number from 1 to 65535',
    '"not a broker" is not a host name',
  ]);
  expect(decode([{ host: 'b1' }, 7, { port: 1 }])).toEqual({
    brokers: ['b1:9092'],
    rejected: ['7 names no broker', 'the JSON has no "host"'],
  });
});

test.each([
  ['{"host":"b1"', 'not JSON'],
  ['{}', 'no "host"'],
  [{ host: 'b1', port: -1 }, 'the port -1 is not'],
  [{ host: null, port: -1, endpoints: [] }, 'no "host"'],
  [{ host: null, port: -1, endpoints: [null] }, 'no "host"'],
  [{ host: '', port: 9092 }, 'there is no host'],
  ['[]', 'names no broker'],
  ['true', 'true names no broker'],
  ['null', 'null names no broker'],
  [',', 'names no broker'],
  [Uint8Array.of(0xff, 0xfe), 'not UTF-8'],
  ['b1:0,b2:0', 'from 1 to 65535; "b2:0": the port "0"'],
  ['{"__proto__":{"host":"b1"}}', '__proto__'],
])('a value that names no broker is refused: %j', (value, reason) => {
  expect(() => decode(value)).toThrow(reason);
});

test('S57 a value of megabytes is refused before it is looked at', () => {
  expect(() => decode('b1:0,'.repeat(2_000_000))).toThrow('10000000 bytes are too many to name brokers');
});

test('whatever bytes come, there are canonical endpoints or an error', () => {
  const value = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({ host: fc.anything(), port: fc.anything(), endpoints: fc.anything() })
      .map((json) => Buffer.from(JSON.stringify(json, (_, each) => (typeof each === 'bigint' ? `${each}` : each)))),
  );
  fc.assert(
    fc.property(value, fc.string(), (bytes, key) => {
      let brokers: string[];
      try {
        brokers = decode(bytes, key).brokers;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        return;
      }
      expect(brokers.length).toBeGreaterThan(0);
      for (const broker of brokers) expect(brokersOf(broker)).toBe(broker);
    }),
    { numRuns: 500 },
  );
});
