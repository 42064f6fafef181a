// @ts-check
import { done, etcd3Client, ourRegistry, quantile, task } from './sides.mjs';

/** Watches keys whose values are the time at which they were written. */
/** @type {{ side: 'rollcall' | 'etcd3', endpoint: string, prefix: string, events: number }} */
const { side, endpoint, prefix, events } = task();
const WARM_UP = 0.2;

/** @type {number[]} */
const latencies = [];
/** @type {(value: unknown) => void} */
let finish = () => {};
const finished = new Promise((resolve) => {
  finish = resolve;
});

/** @param {Uint8Array} value */
function seen(value) {
  latencies.push(performance.timeOrigin + performance.now() - Number(Buffer.from(value).toString()));
  if (latencies.length === events) finish(undefined);
}

if (side === 'rollcall') {
  const registry = await ourRegistry();
  const watcher = registry.watch(`etcd://${endpoint}/${prefix}`);
  await watcher.ready({ fresh: true });
  void (async () => {
    for await (const { changes } of watcher) {
      for (const change of changes) if (change.type === 'put') seen(change.entry.value);
    }
  })();
} else {
  const watcher = await etcd3Client(endpoint).watch().prefix(prefix).create();
  watcher.on('put', ({ value }) => seen(value));
}
process.stdout.write('ready\n');
await finished;
const warm = latencies.slice(Math.floor(events * WARM_UP));
await done({ p50Ms: quantile(warm, 0.5), p99Ms: quantile(warm, 0.99) });
