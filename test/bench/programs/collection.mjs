// @ts-check
import { collect, createRegistry, parseJson } from '@rollcall/core';
import { createMemoryAdapter } from '@rollcall/local';
import { Bench } from 'tinybench';
import { done, task } from './sides.mjs';

/** What one changed item costs, from the store of the memory backend to who listens, with six collections of one watch. */
/** @type {{ items: number }} */
const { items } = task();
const TIME_MS = 1_000;

const adapter = createMemoryAdapter();
const store = adapter.store('bench');
const keyOf = (/** @type {number} */ i) => `${i % 6}/${String(i).padStart(6, '0')}`;
const textOf = (/** @type {number} */ i) => JSON.stringify({ host: `10.0.0.${i % 250}`, port: 80, weight: i });
store.transaction(Array.from({ length: items }, (_, i) => ({ type: 'put', key: keyOf(i), value: textOf(i) })));
const watcher = createRegistry({ adapters: [adapter] }).watch('memory:bench');
const collections = Array.from({ length: 6 }, (_, i) => collect(watcher, { prefix: `${i}/`, decode: parseJson }));
await Promise.all(collections.map((each) => each.ready()));
let changed = 0;
const bench = new Bench({ time: TIME_MS, warmupTime: TIME_MS / 4 });
bench.add('change', async () => {
  const at = (changed++ * 7919) % items;
  const seen = new Promise((resolve) => {
    const stop = collections[at % 6]?.onChange(() => resolve(stop?.()));
  });
  store.put(keyOf(at), textOf(items + changed));
  await seen;
});
await bench.run();
const [{ result } = {}] = bench.tasks;
if (result?.state !== 'completed') throw new Error(`the benchmark ended as ${result?.state}`);
await done({ microseconds: result.latency.p50 * 1000 });
