import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Location } from '../../src/adapter.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/format.js';
import type { Entry } from '../../src/index.js';

const location: Location = { cluster: 'etcd://a:1,b:2', target: { prefix: 'broker/kafka/' } };

const encode = (checkpoint: Checkpoint, at = location): Buffer => Buffer.concat([...encodeCheckpoint(checkpoint, at)]);

function decode(bytes: Buffer, at = location): Checkpoint {
  const decoding = decodeCheckpoint(bytes, at);
  for (;;) {
    const step = decoding.next();
    if (step.done) return step.value;
  }
}

const small: Checkpoint = {
  revision: '9',
  provenAt: 1_700_000_000_123,
  entries: [
    ['10.0.0.1:9092', { value: Buffer.from('one'), revision: '7', createRevision: '5' }],
    ['10.0.0.2:9092', { value: Buffer.from('') }],
  ],
};

test('a small one, as it stands on the disk', () => {
  expect(encode(small).toString().split('\n')).toEqual([
    '{"rollcallCheckpoint":1,"cluster":"etcd://a:1,b:2","target":["broker/kafka/",false,[]],"revision":"9","provenAt":"2023-11-14T22:13:20.123Z"}',
    '["10.0.0.1:9092","b25l","7","5"]',
    '["10.0.0.2:9092","",null,null]',
    expect.stringMatching(/^\{"sha256":"[0-9a-f]{64}"\}$/),
    '',
  ]);
});

const revision = fc.bigInt({ min: 1n, max: 2n ** 63n }).map(String);
const entry: fc.Arbitrary<Entry> = fc.record(
  { value: fc.uint8Array(), revision, createRevision: revision },
  { requiredKeys: ['value'] },
);
/** Lone surrogates and all: bytes that are not UTF-8 are kept as such. */
const key = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0xd800, max: 0xdfff })).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', '__proto__', 'a\nb', '\u2028"'),
);

test('whatever is written is read back', () => {
  const anything = fc.record({
    revision: fc.oneof(fc.constant('0'), revision),
    provenAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    entries: fc.array(fc.tuple(key, entry), { maxLength: 50 }),
  });
  fc.assert(
    fc.property(anything, (checkpoint) => {
      const back = decode(encode(checkpoint));
      const plain = [...back.entries].map(([name, { value, ...rest }]) => [name, { value: [...value], ...rest }]);
      expect({ ...back, entries: plain }).toEqual({
        ...checkpoint,
        entries: checkpoint.entries.map(([name, { value, ...rest }]) => [name, { value: [...value], ...rest }]),
      });
    }),
  );
});

test('S68 cut off anywhere, it is refused', () => {
  const whole = encode(small);
  for (let length = 0; length < whole.length; length++) {
    expect(() => decode(whole.subarray(0, length)), `${length} bytes`).toThrow(/^is (empty|truncated|no checkpoint)/);
  }
});

test('S68 with any byte changed, it is refused', () => {
  const whole = encode(small);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(whole.readUInt8(at) ^ 1, at);
    expect(() => decode(damaged), `byte ${at}`).toThrow(/^(is|was|belongs)/);
  }
});

test.each<[string, Buffer, RegExp]>([
  ['another kind of file', Buffer.from('watches:\n  orders:\n'), /^is no checkpoint of Rollcall$/],
  ['zeros, as a crash may leave', Buffer.alloc(500), /^is no checkpoint of Rollcall$/],
  [
    'one of a later version',
    Buffer.from('{"rollcallCheckpoint":2,"a":1}\n\0'),
    /^was written by a newer .*\(format 2\)$/,
  ],
  ['two that were written over each other', Buffer.concat([encode(small), encode(small)]), /^is damaged/],
])('S68 %s is refused', (_, bytes, message) => {
  expect(() => decode(bytes)).toThrow(message);
});

test.each<[string, Location]>([
  ['another cluster', { ...location, cluster: 'etcd://c:1' }],
  ['another prefix', { ...location, target: { prefix: 'broker/' } }],
  ['one exact key', { ...location, target: { prefix: 'broker/kafka/', exact: true } }],
  ['another selection', { ...location, target: { prefix: 'broker/kafka/', query: { service: ['kafka'] } } }],
])('S68 one of %s is refused', (_, other) => {
  expect(() => decode(encode(small), other)).toThrow(/^belongs to another place \(etcd:\/\/a:1,b:2, /);
});

test('the order in which a selection is written does not matter', () => {
  const selection = (query: Record<string, string[]>): Location => ({ ...location, target: { prefix: '', query } });
  const written = encode(small, selection({ service: ['kafka'], tag: ['a', 'b'] }));
  expect(decode(written, selection({ tag: ['a', 'b'], service: ['kafka'] })).revision).toBe('9');
});

test('a large one is encoded and decoded in pieces', () => {
  const value = Buffer.alloc(100, 'x');
  const entries = Array.from({ length: 10_000 }, (_, i): [string, Entry] => [`key-${i}`, { value }]);
  const chunks = [...encodeCheckpoint({ ...small, entries }, location)];
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(66_000);
  const steps = [...decodeCheckpoint(Buffer.concat(chunks), location)];
  expect(steps.length).toBeGreaterThan(2 * (chunks.length - 2));
});
