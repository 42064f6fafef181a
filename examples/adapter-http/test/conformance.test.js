// @ts-check
import { describe, it } from 'node:test';
import { keyToBytes } from '@rollcall/core';
import { conformance } from '@rollcall/core/conformance';
import adapter from 'rollcall-adapter-http';
import { Registry } from '../src/registry.js';

const noHistory = 'the registry keeps no history';

conformance(
  { describe, it },
  {
    name: 'registry',
    skips: {
      'S06.compacted': noHistory,
      'S07.compacted': noHistory,
      S08: 'each answer is the whole state; there are no events that could come again',
    },
    needsRealTime: true,
    maxValueBytes: 1_000_000,
    open: async () => {
      const registry = await Registry.start();
      return {
        // Asked often, so that the tests are quick.
        adapter: {
          ...adapter,
          open: (location, options) => adapter.open(location, { adapterOptions: { intervalMs: 20 }, ...options }),
        },
        url: (path) => `registry://${registry.endpoint}/${path}`,
        put: async (key, value) => registry.write([{ type: 'put', key, value }]),
        delete: async (key) => registry.write([{ type: 'delete', key }]),
        transaction: async (writes) => registry.write(writes),
        list: async (prefix) => {
          const start = Buffer.from(keyToBytes(prefix));
          return new Map([...registry.keys].filter(([key]) => start.equals(keyToBytes(key).subarray(0, start.length))));
        },
        outage: () => registry.outage(),
        stall: () => registry.stall(),
        answerBadly: () => registry.answerBadly(),
        wipe: async () => registry.wipe(),
        [Symbol.asyncDispose]: () => registry.close(),
      };
    },
  },
);
