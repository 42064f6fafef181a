// @ts-check
import { createRegistry } from '@rollcall/core';
import { createMemoryAdapter } from '@rollcall/local';
import { Bench } from 'tinybench';
import { done, task } from './sides.mjs';

/** What one change costs a reader who keeps up, from the store of the memory backend to its batch. */
/** @type {{ keys: number }} */
const { keys } = task();
const TIME_MS = 1_000;

const adapter = createMemoryAdapter();
const registry = createRegistry({ adapters: [adapter] });
const store = adapter.store('bench');
const nameOf = (/** @type {number} */ i) => `k${String(i).padStart(7, '0')}`;
store.transaction(Array.from({ length: keys }, (_, i) => ({ type: 'put', key: nameOf(i), value: 'first' })));
const batches = registry.watch('memory:bench').batches();
await batches.next();
let changed = 0;
const bench = new Bench({ time: TIME_MS, warmupTime: TIME_MS / 4 });
bench.add('change', async () => {
  const next = batches.next();
  store.put(nameOf((changed * 7919) % keys), `v${changed++}`);
  await next;
});
await bench.run();
const [{ result } = {}] = bench.tasks;
if (result?.state !== 'completed') throw new Error(`the benchmark ended as ${result?.state}`);
await done({ microseconds: result.latency.p50 * 1000 });
