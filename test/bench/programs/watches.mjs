// @ts-check
import { cpuMs, done, etcd3Client, ourRegistry, task, usedBytes } from './sides.mjs';

/** Many watches, each of a prefix of its own with its state: how they attach, what they weigh, what they cost when idle. */
/**
 * @type {{ side: 'rollcall' | 'etcd3' | 'none', endpoint: string, watches: number, idleMs: number, settleMs: number,
 *   windows: number }}
 */
const { side, endpoint, watches, idleMs, settleMs, windows } = task();

/** @type {unknown[]} */
const kept = [];
const registry = await ourRegistry();
const client = side === 'etcd3' ? etcd3Client(endpoint) : undefined;

/** @param {number} i */
async function attach(i) {
  const prefix = `watch-${i}/`;
  if (client === undefined) {
    const watcher = registry.watch(`etcd://${endpoint}/${prefix}`);
    kept.push(watcher);
    await watcher.ready({ fresh: true });
    return;
  }
  const { header, kvs } = await client.getAll().prefix(prefix).exec();
  const start = String(BigInt(header.revision) + 1n);
  kept.push(kvs, await client.watch().prefix(prefix).startRevision(start).create());
}

if (side !== 'none') await attach(-1);
const before = await usedBytes();
const began = performance.now();
const cpu = cpuMs();
if (side !== 'none') await Promise.all(Array.from({ length: watches }, (_, i) => attach(i)));
const attachMs = performance.now() - began;
const attachCpuMs = cpuMs() - cpu;
const kilobytesEach = ((await usedBytes()) - before) / 1024 / watches;
/** @type {Record<string, number>} */
const idle = {};
await new Promise((resolve) => setTimeout(resolve, settleMs));
for (let i = 0; i < windows; i++) {
  const idleSince = cpuMs();
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  idle[`idlePercent${i}`] = ((cpuMs() - idleSince) / idleMs) * 100;
}
await done({ attachMs, attachCpuMs, kilobytesEach, ...idle });
