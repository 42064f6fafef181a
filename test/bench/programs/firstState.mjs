// @ts-check
import { PerformanceObserver } from 'node:perf_hooks';
import { done, ourRegistry, task } from './sides.mjs';

/** How long the event loop is held at once while a first state is read and told, garbage collection apart. */
/** @type {{ endpoint: string, prefix: string, keys: number }} */
const { endpoint, prefix, keys } = task();

/** @type {{ from: number, to: number }[]} */
const collections = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    collections.push({ from: startTime, to: startTime + duration });
  }
}).observe({ entryTypes: ['gc'] });

const registry = await ourRegistry();
// What is loaded and compiled once is not a matter of the state.
await registry.watch(`etcd://${endpoint}/none/`).ready();
/** @type {{ from: number, to: number }[]} */
const turns = [];
let last = performance.now();
let isRunning = true;
function turn() {
  const now = performance.now();
  if (now - last > 1) turns.push({ from: last, to: now });
  last = now;
  if (isRunning) setImmediate(turn);
}
setImmediate(turn);
for await (const { changes } of registry.watch(`etcd://${endpoint}/${prefix}`)) {
  if (changes.length !== keys) throw new Error(`${changes.length} of ${keys} keys were told`);
  break;
}
isRunning = false;
// The observer is told later.
await new Promise((resolve) => setTimeout(resolve, 200));
const heldMs = turns.map(({ from, to }) => {
  const collecting = collections.reduce((sum, each) => {
    return sum + Math.max(0, Math.min(to, each.to) - Math.max(from, each.from));
  }, 0);
  return to - from - collecting;
});
await done({ longestMs: Math.max(0, ...heldMs) });
