import { createConsulAdapter } from '@rollcall/consul';
import { type Entry, keyFromBytes, keyToBytes } from '@rollcall/core';
import type { Adapter, AttemptOptions, Target, Update } from '@rollcall/core/adapter';
import { type Backend, conformance, type Harness, type Write } from '@rollcall/core/conformance';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';
import { misled } from '../support/wrongServer.js';

// The suite writes keys and values. Here a key is an instance of one service, by an id made of it, and the value is in
// its metadata. What is tested is the adapter's watch of a service; `asKeys` only reads the instances back as keys.

const SERVICE = 'conformance';
/** Consul takes 64 metadata pairs of 512 characters. */
const META_LENGTH = 512;
const noHistory = 'Consul keeps no history; each attempt is a full read already';

let consul: Consul;
beforeAll(async () => {
  // S26 watches 200 prefixes, each by a connection; a client may have 200 by default.
  consul = await startConsul({ config: { limits: { http_max_conns_per_client: 1000, txn_max_req_len: 5_000_000 } } });
});
afterAll(() => consul[Symbol.asyncDispose]());

function serviceOf(key: string, value: Uint8Array): object {
  const parts =
    Buffer.from(value)
      .toString('base64')
      .match(new RegExp(`.{1,${META_LENGTH}}`, 'g')) ?? [];
  const Meta = Object.fromEntries(parts.map((part, i) => [`v${String(i).padStart(2, '0')}`, part]));
  return { ID: idOf(key), Service: SERVICE, Port: 1, Meta };
}

// In hexadecimal: Consul does not tell ids apart by case.
const idOf = (key: string): string => `k${Buffer.from(keyToBytes(key)).toString('hex')}`;
const keyOf = (id: string): string => keyFromBytes(Buffer.from(id.slice(1), 'hex'));
const bytesOf = (meta: Readonly<Record<string, string>>): Uint8Array => {
  const parts = Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1));
  return new Uint8Array(Buffer.from(parts.map(([, part]) => part).join(''), 'base64'));
};

async function write(writes: readonly Write[]): Promise<void> {
  const body = writes.map(({ key, ...put }) => ({
    Service:
      put.type === 'put'
        ? { Verb: 'set', Node: 'n1', Service: serviceOf(key, put.value) }
        : { Verb: 'delete', Node: 'n1', Service: { ID: idOf(key), Service: SERVICE } },
  }));
  await consul.http('/v1/txn', { method: 'PUT', body });
}

async function list(prefix: string): Promise<Map<string, Uint8Array>> {
  const { body } = await consul.http(`/v1/health/service/${SERVICE}`);
  const items = JSON.parse(body) as { Service: { ID: string; Meta: Record<string, string> | null } }[];
  const pairs = items.map(({ Service: { ID, Meta } }) => [keyOf(ID), bytesOf(Meta ?? {})] as const);
  return new Map(pairs.filter(([key]) => key.startsWith(prefix)));
}

/** The adapter's instances, told as the keys and values that they stand for. */
function asKeys(adapter: Adapter): Adapter {
  return {
    ...adapter,
    open: (location, options) => {
      const source = adapter.open(location, options);
      const service: Target = { prefix: '', query: { service: [SERVICE] } };
      const watch = async function* (target: Target, { signal }: AttemptOptions): AsyncGenerator<Update> {
        for await (const update of source.watch(service, { signal })) {
          yield update.type === 'snapshot' ? { ...update, entries: select(update.entries, target) } : update;
        }
      };
      return {
        supports: source.supports,
        maxSilenceMs: source.maxSilenceMs,
        watch,
        [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
      };
    },
  };
}

function select(entries: Iterable<readonly [string, Entry]>, { prefix, exact }: Target): [string, Entry][] {
  const all = Array.from(entries, ([, entry]): [string, Entry] => {
    const { id, meta } = JSON.parse(Buffer.from(entry.value).toString());
    return [keyOf(id), { ...entry, value: bytesOf(meta) }];
  });
  const chosen = all.filter(([key]) => (exact ? key === prefix : key.startsWith(prefix)));
  return chosen.map(([key, entry]) => [key.slice(prefix.length), entry]);
}

async function open(): Promise<Backend> {
  await consul.http('/v1/catalog/deregister', { method: 'PUT', body: { Node: 'n1' } });
  await consul.http('/v1/catalog/register', { method: 'PUT', body: { Node: 'n1', Address: '10.0.0.1' } });
  const proxy = await startProxy(consul);
  return {
    // Short, because Consul keeps its end of a query that was broken off until the wait is over.
    adapter: asKeys(createConsulAdapter({ waitMs: 500 })),
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
      await consul.http('/v1/catalog/register', { method: 'PUT', body: { Node: 'n1', Address: '10.0.0.1' } });
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

const services: Harness = {
  name: 'consul (services)',
  skips: {
    'S03.path': 'such a key is refused in the URL of a KV prefix, which stands for a service here',
    'S06.compacted': noHistory,
    'S07.compacted': noHistory,
    S08: 'each answer is the whole state; there are no events that could come again',
  },
  // test/faults/consul-cluster.test.ts has S26, with 200 processes.
  needsRealTime: true,
  maxValueBytes: 20_000,
  // Each answer is the whole list, and an instance is some 700 bytes of it.
  flood: { changes: 1000, perTransaction: 100 },
  open,
};

conformance({ describe, it }, services);
