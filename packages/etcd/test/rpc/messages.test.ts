import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRange, decodeWatch } from '../../src/rpc/messages.js';
import { WireError, WireReader } from '../../src/rpc/wireReader.js';
import { encodeAnswer, encoderOf } from '../watch/services.js';

const BEYOND_2_53 = '9007199254740993';
const LARGEST = '9223372036854775807';

describe('the watch answer', () => {
  test('S05 revisions beyond 2^53 arrive exact', async () => {
    const kv = { key: Buffer.from('a'), value: Buffer.from('b'), create_revision: BEYOND_2_53, mod_revision: LARGEST };
    const bytes = await encodeAnswer('Watch', 'Watch', {
      header: { cluster_id: '18446744073709551615', member_id: '2', revision: LARGEST, raft_term: '3' },
      watch_id: '7',
      events: [{ type: 'Put', kv }],
    });
    const answer = decodeWatch(bytes);
    expect(answer.header).toEqual({ clusterId: '18446744073709551615', revision: LARGEST });
    expect(answer.watchId).toBe('7');
    expect([...answer.events][0]?.kv).toMatchObject({ createRevision: BEYOND_2_53, modRevision: LARGEST });
  });

  test('a progress reply has watch id -1', async () => {
    const answer = decodeWatch(await encodeAnswer('Watch', 'Watch', { header: { revision: '9' }, watch_id: '-1' }));
    expect(answer).toMatchObject({ header: { revision: '9' }, watchId: '-1', created: false });
    expect(answer.events).toHaveLength(0);
  });

  test('a cancelled watch says why', async () => {
    const bytes = await encodeAnswer('Watch', 'Watch', {
      header: { revision: '9' },
      created: true,
      canceled: true,
      compact_revision: BEYOND_2_53,
      cancel_reason: 'etcdserver: permission denied',
    });
    expect(decodeWatch(bytes)).toMatchObject({
      created: true,
      canceled: true,
      compactRevision: BEYOND_2_53,
      cancelReason: 'etcdserver: permission denied',
    });
  });

  test('a DELETE has a key and a revision and no value', async () => {
    const bytes = await encodeAnswer('Watch', 'Watch', {
      events: [
        { type: 'Delete', kv: { key: Buffer.from('gone'), mod_revision: '12' }, prev_kv: { key: Buffer.from('x') } },
      ],
    });
    const [event] = decodeWatch(bytes).events;
    expect(event?.deleted).toBe(true);
    expect(Buffer.from(event?.kv.key ?? []).toString()).toBe('gone');
    expect(event?.kv.modRevision).toBe('12');
    expect(event?.kv.value).toHaveLength(0);
  });
});

test('a range answer has its keys, values, count and whether there are more', async () => {
  const value = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256));
  const kv = { key: Buffer.from('a/1'), value, create_revision: '3', mod_revision: '4', version: '2', lease: LARGEST };
  const bytes = await encodeAnswer('KV', 'Range', {
    header: { revision: '9' },
    kvs: [kv, kv],
    more: true,
    count: '70',
  });
  const answer = decodeRange(bytes);
  expect(answer).toMatchObject({ header: { revision: '9' }, more: true, count: '70' });
  expect(answer.kvs).toHaveLength(2);
  expect(Buffer.from([...answer.kvs][1]?.key ?? []).toString()).toBe('a/1');
  expect(Buffer.compare([...answer.kvs][1]?.value ?? Buffer.of(), value)).toBe(0);
});

const revision = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String);

test('keys are read as the general decoder of etcd3 reads them, whatever their size', async () => {
  const encode = await encoderOf('KV', 'Range');
  const kv = fc.record({
    key: fc.uint8Array({ maxLength: 40 }),
    value: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 0, max: 150_000 }).map((n) => new Uint8Array(n).fill(7)),
    ),
    create_revision: revision,
    mod_revision: revision,
    version: revision,
    lease: revision,
  });
  const kvs = fc
    .array(kv, { maxLength: 20 })
    .map((some) =>
      some.map(({ key, value, ...rest }) => ({ ...rest, key: Buffer.from(key), value: Buffer.from(value) })),
    );
  fc.assert(
    fc.property(kvs, fc.boolean(), (given, more) => {
      const answer = decodeRange(encode({ header: { revision: '9' }, kvs: given, more, count: '70' }));
      expect(answer.more).toBe(more);
      expect(answer.kvs).toHaveLength(given.length);
      expect(answer.lastKey).toEqual(given.at(-1)?.key);
      for (const [i, found] of [...answer.kvs].entries()) {
        const { key, value, create_revision, mod_revision } = given[i] ?? {};
        const { entry } = found;
        expect([entry.createRevision, entry.revision]).toEqual([create_revision, mod_revision]);
        // `toEqual` takes a second for 150,000 bytes.
        const same = [key?.equals(found.key), value?.equals(found.value), value?.equals(entry.value)];
        expect(same).toEqual([true, true, true]);
      }
    }),
    { numRuns: 200 },
  );
});

test('any bytes are an answer or a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [() => [...decodeRange(bytes).kvs], () => [...decodeWatch(bytes).events]]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    }),
    { numRuns: 5_000 },
  );
});

describe('the wire', () => {
  test('an answer that is cut off anywhere but between fields is an error', async () => {
    const kv = { key: Buffer.from('key'), value: Buffer.from('value'), create_revision: '300', mod_revision: LARGEST };
    const bytes = await encodeAnswer('KV', 'Range', { kvs: [kv] });
    expect(decodeRange(bytes).kvs).toHaveLength(1);
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decodeRange(bytes.subarray(0, length)), `cut at ${length}`).toThrow(WireError);
    }
  });

  test('fields of every kind that nobody knows are passed over', () => {
    const unknown = [
      0x98,
      0x06,
      0xff,
      0x01,
      0xa1,
      0x06,
      ...Array(8).fill(1),
      0xaa,
      0x06,
      2,
      9,
      9,
      0xb5,
      0x06,
      1,
      1,
      1,
      1,
    ];
    expect(decodeRange(Uint8Array.from([...unknown, 0x20, 5])).count).toBe('5');
  });

  test('a wire type that does not exist is an error', () => {
    const reader = new WireReader(Uint8Array.of(0x0e, 0));
    reader.next();
    expect(() => reader.skip()).toThrow('Wire type 6');
  });
});
