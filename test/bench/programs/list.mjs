// @ts-check
import { cpuMs, done, etcd3Client, ourRegistry, quantile, rawRange, task } from './sides.mjs';

/** Lists all keys under a prefix: the first time in this process, and then as often as asked. */
/** @type {{ side: 'rollcall' | 'etcd3' | 'raw', endpoint: string, prefix: string, keys: number, again: number }} */
const { side, endpoint, prefix, keys, again } = task();

/** @type {Record<typeof side, () => Promise<number>>} */
const lists = {
  rollcall: async () => {
    const registry = await ourRegistry();
    const { entries } = await registry.watch(`etcd://${endpoint}/${prefix}`).ready();
    await registry.close();
    return entries.size;
  },
  etcd3: async () => {
    const client = etcd3Client(endpoint);
    const all = await client.getAll().prefix(prefix).buffers();
    client.close();
    return Object.keys(all).length;
  },
  raw: async () => ((await rawRange(endpoint, prefix)) > keys ? keys : 0),
};

const first = await timed();
/** @type {number[]} */
const warm = [];
for (let i = 0; i < again; i++) {
  globalThis.gc?.();
  warm.push((await timed()).ms);
}
// The first ones still compile.
await done({ firstMs: first.ms, warmMs: quantile(warm.slice(2), 0.5), cpuMs: cpuMs() });

async function timed() {
  const began = performance.now();
  const found = await lists[side]();
  if (found !== keys) throw new Error(`${side} found ${found} of ${keys} keys`);
  return { ms: performance.now() - began };
}
