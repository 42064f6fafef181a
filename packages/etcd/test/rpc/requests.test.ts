import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeRange, encodeTxn, encodeWatch } from '../../src/rpc/requests.js';
import { decodeRequest } from '../watch/services.js';

const revision = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String);
const bytes = fc.uint8Array({ maxLength: 20 }).map((each) => Buffer.from(each));
const range = fc.record(
  {
    key: bytes,
    rangeEnd: bytes,
    limit: fc.nat(),
    revision,
    keysOnly: fc.boolean(),
    countOnly: fc.boolean(),
    minModRevision: revision,
  },
  { requiredKeys: ['key'] },
);
type Range = typeof range extends fc.Arbitrary<infer T> ? T : never;

/** The same request in etcd3's words, with the defaults that its decoder fills in. */
function inEtcd3sWords(request: Range): object {
  return {
    key: request.key,
    range_end: request.rangeEnd ?? Buffer.alloc(0),
    limit: String(request.limit ?? 0),
    revision: request.revision ?? '0',
    keys_only: request.keysOnly ?? false,
    count_only: request.countOnly ?? false,
    min_mod_revision: request.minModRevision ?? '0',
  };
}

test('a range is read by etcd3 as it was meant', async () => {
  const decode = await decodeRequest('KV', 'Range');
  fc.assert(
    fc.property(range, (each) => {
      expect(decode(encodeRange(each))).toMatchObject(inEtcd3sWords(each));
    }),
  );
});

test('a transaction is its reads, in order', async () => {
  const decode = await decodeRequest('KV', 'Txn');
  fc.assert(
    fc.property(fc.array(range, { maxLength: 5 }), (ranges) => {
      const success = ranges.map((each) => ({ request_range: inEtcd3sWords(each) }));
      expect(decode(encodeTxn(ranges))).toMatchObject({ compare: [], success, failure: [] });
    }),
  );
});

test('requests of the watch stream', async () => {
  const decode = await decodeRequest('Watch', 'Watch');
  const key = Buffer.from('a/');
  const create = { type: 'create', range: { key, rangeEnd: Buffer.from('a0') }, start: '9007199254740993' } as const;
  expect(decode(encodeWatch({ ...create, watchId: '1125899906842625' }))).toMatchObject({
    create_request: {
      key,
      range_end: Buffer.from('a0'),
      start_revision: '9007199254740993',
      watch_id: '1125899906842625',
    },
  });
  expect(decode(encodeWatch({ type: 'cancel', watchId: '7' }))).toMatchObject({ cancel_request: { watch_id: '7' } });
  expect(decode(encodeWatch({ type: 'progress' }))).toMatchObject({ progress_request: {} });
});
