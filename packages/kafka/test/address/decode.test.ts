import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBrokers } from '../../src/address/decode.js';

function decode(value: string | Uint8Array | object, key = '1') {
  const text = typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value);
  const rejected: string[] = [];
  const brokers = decodeBrokers(Buffer.from(text), key, (reason) => rejected.push(reason));
  return { brokers: brokers.flat().map(({ address }) => String(address)), rejected };
}
const brokersOf = (...from: Parameters<typeof decode>): string => decode(...from).brokers.join(',');

test.each([
  ['172.20.20.11:8080', '172.20.20.11:8080'],
  ['rack-1/172.20.20.11:8080', '172.20.20.11:8080'],
  ['10.0.0.1', '10.0.0.1:9092'],
  ['B1.example.org', 'b1.example.org:9092'],
  ['kafka:9092', 'kafka:9092'],
  ['[::1]:9092', '[::1]:9092'],
  ['[::1]', '[::1]:9092'],
  ['SASL_SSL://b1:9093', 'b1:9093'],
  ['rack-1/SASL_SSL://b1:9093', 'b1:9093'],
])('with an empty value, a blank one or null the key names the broker: %s', (key, address) => {
  for (const value of ['', ' \n', 'null', ' null\n']) expect(brokersOf(value, key)).toBe(address);
});

test.each([
  ['kafka', 'the word "kafka" names no broker: write kafka:9092 if it is one'],
  ['config/leader', 'write leader:9092 if it is one'],
  ['SSL://kafka', 'names no broker: write kafka:9092 if it is one'],
  ['not a broker', 'is not a host name'],
  ['', 'one exact key names no broker: write host:port into it'],
])('with an empty value a key such as %j names no broker', (key, reason) => {
  for (const value of ['', 'null']) expect(() => decode(value, key)).toThrow(reason);
});

test.each(['/', 'rack-1/', '10.0.0.1:9092/'])(
  'the key %j is a folder, and names no broker whatever its value',
  (key) => {
    for (const value of ['', 'null', 'init_dir', 'b1:9092', '{"host":"b1"}']) {
      expect(() => decode(value, key)).toThrow('is a folder: it names no broker');
    }
  },
);

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
  const [broker = [], ...others] = decodeBrokers(Buffer.from(JSON.stringify(value)), 'ids/0', (reason) => {
    throw new Error(reason);
  });
  expect(others).toEqual([]);
  return broker.map(({ listener, protocol, rack, address }) =>
    [String(address), listener ?? '-', protocol ?? '-', rack ?? '-'].join(' '),
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
  [{ host: 'b1', port: -2 }, 'the port -2 is not'],
  [{ host: 'b1', port: 0 }, 'a Consul service must be registered'],
  [{ host: 'b1:9093', port: 9092 }, 'the host "b1:9093" has another port than "port", 9092'],
  [{ host: null, port: -1, endpoints: [] }, 'no "host"'],
  [{ host: null, port: -1, endpoints: [null] }, 'no "host"'],
  [{ host: '', port: 9092 }, 'there is no host'],
  ['[]', 'names no broker'],
  ['true', 'true names no broker'],
  [',', 'names no broker'],
  [Uint8Array.of(0xff, 0xfe), 'not UTF-8'],
  ['b1:0,b2:0', 'from 1 to 65535; "b2:0": the port "0"'],
  ['{"__proto__":{"host":"b1"}}', '__proto__'],
])('a value that names no broker is refused: %j', (value, reason) => {
  expect(() => decode(value)).toThrow(reason);
});

test.each([
  [{ host: 'b1:9093', port: -1 }, 'b1:9093'],
  [{ host: 'b1:9093', port: null }, 'b1:9093'],
  [{ host: 'b1:9093' }, 'b1:9093'],
  [{ host: 'b1:9093', port: 9093 }, 'b1:9093'],
  [{ host: '[::1]:9093', port: -1 }, '[::1]:9093'],
  [{ host: 'b1', port: null }, 'b1:9092'],
  [{ host: 'b1', port: -1 }, 'b1:9092'],
  [{ host: '::1', port: null }, '[::1]:9092'],
  [{ host: 'b1:9093', port: -1, endpoints: [] }, 'b1:9093'],
  [{ host: null, port: -1, endpoints: ['PLAINTEXTSASL://b1:6667'] }, 'b1:6667'],
])('K19 the host may have the port where old distributions write none: %j', (value, address) => {
  expect(brokersOf(value)).toBe(address);
});

test('K19 PLAINTEXTSASL is the former name of SASL_PLAINTEXT', () => {
  const value = { host: null, port: -1, endpoints: ['PLAINTEXTSASL://b1:6667'] };
  expect(candidatesOf(value)).toEqual(['b1:6667 SASL_PLAINTEXT SASL_PLAINTEXT -']);
});

test.each([
  'SASL_SSL://app:S3,cret@b1:9093,b2:9093',
  '"app:S3,cret@b1:9093"',
  '["app:S3,cret@b1:9093"]',
  '[["app:S3cret@b1"]]',
  '{"host":"app:S3cret@b1","port":9092}',
  '{"host":null,"endpoints":["SSL://app:S3cret@b1:9093"]}',
  '{"host":"b1","port":"S3cret@"}',
  '{"host":"b1","listener":"app:S3cret@x"}',
  '{"host":"b1","meta":{"listener":"S3cret \\u001b[2J"}}',
  '{"host":"app:S3cret@b1"',
])('a password in a value is in no reason: %s', (value) => {
  let told = '';
  try {
    told = decode(value).rejected.join();
  } catch (error) {
    told = (error as Error).message;
  }
  expect(told).not.toBe('');
  expect(told).not.toMatch(/S3|cret/);
});

test('K07 of one value 100 addresses are taken', () => {
  const names = Array.from({ length: 130 }, (_, i) => `b${i}`);
  for (const value of [
    names.join(),
    JSON.stringify(names),
    { host: null, endpoints: names.map((n) => `SSL://${n}`) },
  ]) {
    const { brokers, rejected } = decode(value);
    expect(brokers).toEqual(names.slice(0, 100).map((name) => `${name}:9092`));
    expect(rejected).toEqual(['30 addresses beyond the first 100 are left out']);
  }
});

test('a value that is nested deeply is refused like any other', () => {
  expect(() => decode(`${'['.repeat(30_000)}"b1"${']'.repeat(30_000)}`)).toThrow();
  // With an escape each key is looked at, by a function that recurses.
  for (const depth of [4_000, 30_000]) {
    const value = `["\\u0041",{"a":${'['.repeat(depth)}${']'.repeat(depth)}}]`;
    expect(() => decode(value)).toThrow(expect.not.objectContaining({ name: 'RangeError' }));
  }
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
    fc.property(value, fc.oneof(fc.string(), fc.constantFrom('b1:9092', 'a/10.0.0.1')), (bytes, key) => {
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
