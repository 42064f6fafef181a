import type { Adapter } from '@rollcall/core/adapter';
import type { Harness } from '@rollcall/core/conformance';
import { createMemoryAdapter } from '@rollcall/local';

/** @param wrap what stands between the core and the adapter. */
export function memoryHarness(wrap: (adapter: Adapter) => Adapter = (adapter) => adapter): Harness {
  return {
    name: 'memory',
    skips: { S28: 'a store in the process gives no answers that could be another server’s' },
    maxValueBytes: 10_000_000,
    flood: { changes: 1_000_000, perTransaction: 10 },
    open: async () => {
      const adapter = createMemoryAdapter();
      const store = adapter.store('conformance');
      store.maxSilenceMs = 15_000;
      const beating = setInterval(() => store.heartbeat(), 20);
      return {
        adapter: wrap(adapter),
        url: (path) => `memory:conformance#${path}`,
        put: async (key, value) => store.put(key, value),
        delete: async (key) => store.delete(key),
        transaction: async (writes) => store.transaction(writes),
        list: async (prefix) => store.list(prefix),
        outage: async () => {
          const restore = store.outage();
          return async () => restore();
        },
        stall: async () => {
          const speak = store.silence();
          return async () => speak();
        },
        wipe: async () => store.wipe(),
        compact: async () => store.compact(),
        replay: async () => store.replay('0'),
        [Symbol.asyncDispose]: async () => clearInterval(beating),
      };
    },
  };
}
