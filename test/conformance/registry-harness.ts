import { keyToBytes } from '@rollcall/core';
import type { Harness } from '@rollcall/core/conformance';
import adapter from '../../examples/adapter-http/src/index.js';
import { Registry } from '../../examples/adapter-http/src/registry.js';
import type { Spoil } from './mutants/wrap.js';

const noHistory = 'the registry keeps no history';

/** The example of a polling adapter. @param wrap what stands between the core and the adapter. */
export function registryHarness(wrap: Spoil = (good) => good): Harness {
  return {
    name: 'registry',
    skips: { 'S06.compacted': noHistory, 'S07.compacted': noHistory, S08: noHistory },
    needsRealTime: true,
    maxValueBytes: 1_000_000,
    open: async () => {
      const registry = await Registry.start();
      const write = async (writes: Parameters<Registry['write']>[0]): Promise<void> => registry.write(writes);
      return {
        adapter: wrap({
          ...adapter,
          open: (location, options) => adapter.open(location, { adapterOptions: { intervalMs: 20 }, ...options }),
        }),
        url: (path) => `registry://${registry.endpoint}/${path}`,
        put: (key, value) => write([{ type: 'put', key, value }]),
        delete: (key) => write([{ type: 'delete', key }]),
        transaction: write,
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
  };
}
