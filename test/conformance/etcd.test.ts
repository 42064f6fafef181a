import { keyFromBytes, keyToBytes } from '@rollcall/core';
import { conformance, type Write } from '@rollcall/core/conformance';
import { etcdAdapter } from '@rollcall/etcd';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { request } from '../../servers/http.mjs';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';
import { misled } from '../support/wrongServer.js';

// 200 connections, or 100,000 changes, on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let etcd: Etcd;
let proxy: TcpProxy;

beforeAll(async () => {
  etcd = await startEtcd();
  proxy = await startProxy(etcd);
});

afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

conformance(
  { describe, it },
  {
    name: 'etcd',
    skips: { S08: 'nothing makes a real etcd deliver an event twice' },
    maxValueBytes: 1_000_000,
    flood: { changes: 100_000, perTransaction: 100 },
    open: async () => {
      await ask('kv/deleterange', EVERYTHING);
      return {
        adapter: etcdAdapter,
        url: (path) => `etcd://${proxy.endpoint}/${path}`,
        put: async (key, value) => void (await ask('kv/put', putRequest(key, value))),
        delete: async (key) => void (await ask('kv/deleterange', { key: base64(keyToBytes(key)) })),
        transaction: async (writes) => void (await ask('kv/txn', { success: writes.map(operation) })),
        list,
        outage: async () => {
          await proxy.cut();
          return () => proxy.resume();
        },
        stall: async () => {
          proxy.stall();
          return () => proxy.resume();
        },
        answerBadly: () => misled(proxy, etcd),
        wipe: async () => {
          await etcd.wipe();
          await etcd.restart();
        },
        compact: async () => {
          const { header } = await ask('kv/range', { ...EVERYTHING, count_only: true });
          await ask('kv/compaction', { revision: header.revision });
        },
        [Symbol.asyncDispose]: async () => {},
      };
    },
  },
);

/** From the key of one NUL byte, in base64, on without end. */
const EVERYTHING = { key: 'AA==', range_end: 'AA==' };

interface Answer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
}

/** etcd's JSON gateway, past the proxy. */
async function ask(path: string, body: object): Promise<Answer> {
  const options = { method: 'POST', body: JSON.stringify(body), timeoutMs: 10_000 };
  const response = await request(`http://${etcd.endpoint}/v3/${path}`, options);
  if (response.status !== 200) throw new Error(`etcd: ${path}: ${response.status} ${response.body}`);
  return JSON.parse(response.body);
}

/** Chosen by bytes here, not by etcd: its own range would need the very arithmetic that is under test. */
async function list(prefix: string): Promise<Map<string, Uint8Array>> {
  const { kvs = [] } = await ask('kv/range', EVERYTHING);
  const start = Buffer.from(keyToBytes(prefix));
  const all = kvs.map(({ key, value = '' }) => [Buffer.from(key, 'base64'), Buffer.from(value, 'base64')] as const);
  const chosen = all.filter(([key]) => start.equals(key.subarray(0, start.length)));
  return new Map(chosen.map(([key, value]) => [keyFromBytes(key), value]));
}

const putRequest = (key: string, value: Uint8Array) => ({ key: base64(keyToBytes(key)), value: base64(value) });

const operation = (write: Write) =>
  write.type === 'put'
    ? { request_put: putRequest(write.key, write.value) }
    : { request_delete_range: { key: base64(keyToBytes(write.key)) } };

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
