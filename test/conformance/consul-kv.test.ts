import { createConsulAdapter } from '@rollcall/consul';
import { type Backend, conformance, type Harness, type Write } from '@rollcall/core/conformance';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';
import { misled } from '../support/wrongServer.js';

const notUtf8 = 'Consul gives keys as JSON text, in which each byte that is not UTF-8 is U+FFFD';
const noHistory = 'Consul keeps no history; each attempt is a full read already';

let consul: Consul;
beforeAll(async () => {
  // S26 watches 200 prefixes, each by a connection; a client may have 200 by default.
  consul = await startConsul({ config: { limits: { http_max_conns_per_client: 1000, txn_max_req_len: 2_000_000 } } });
});
afterAll(() => consul[Symbol.asyncDispose]());

/** Transactions, because their keys are not cleaned like paths. */
async function write(writes: readonly Write[]): Promise<void> {
  const body = writes.map(({ key, ...put }) => ({
    KV: put.type === 'put' ? { Verb: 'set', Key: key, Value: base64(put.value) } : { Verb: 'delete', Key: key },
  }));
  await consul.http('/v1/txn', { method: 'PUT', body });
}

async function list(prefix: string): Promise<Map<string, Uint8Array>> {
  const { status, body } = await consul.http(`/v1/kv/${encodeURIComponent(prefix)}?recurse`);
  const pairs = status === 404 ? [] : (JSON.parse(body) as { Key: string; Value: string | null }[]);
  return new Map(pairs.map(({ Key, Value }) => [Key, Buffer.from(Value ?? '', 'base64')]));
}

const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64');

async function open(): Promise<Backend> {
  await consul.http('/v1/kv/?recurse', { method: 'DELETE' });
  const proxy = await startProxy(consul);
  return {
    // Short, because Consul keeps its end of a query that was broken off until the wait is over.
    adapter: createConsulAdapter({ waitMs: 500 }),
    url: (path) => `consul://${proxy.endpoint}/${path}`,
    put: (key, value) => write([{ type: 'put', key, value }]),
    delete: (key) => write([{ type: 'delete', key }]),
    transaction: write,
    list,
    outage: async () => {
      await proxy.cut();
      return () => proxy.resume();
    },
    stall: async () => {
      proxy.stall();
      return () => proxy.resume();
    },
    answerBadly: () => misled(proxy, consul),
    wipe: async () => {
      await consul.wipe();
      await consul.restart();
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

const kv: Harness = {
  name: 'consul (KV)',
  skips: {
    'S03.bytes': notUtf8,
    'S03.path': 'Consul cleans a key in a URL like a path, so such a prefix is refused',
    'S06.compacted': noHistory,
    'S07.compacted': noHistory,
    S08: 'each answer is the whole state; there are no events that could come again',
    'S12.bytes': notUtf8,
  },
  // test/faults/consul-cluster.test.ts has S26, with 200 processes.
  needsRealTime: true,
  maxValueBytes: 512 * 1024,
  open,
};

conformance({ describe, it }, kv);
