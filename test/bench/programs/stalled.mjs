// @ts-check
import { done, ourRegistry, task } from './sides.mjs';

/** The memory of a watch during many changes, with a reader that has stopped reading, or with none. */
/** @type {{ side: 'stalled' | 'none', endpoint: string, prefix: string, changes: number }} */
const { side, endpoint, prefix, changes } = task();

const registry = await ourRegistry();
const watcher = registry.watch(`etcd://${endpoint}/${prefix}`);
await watcher.ready({ fresh: true });
const reader = watcher.batches();
if (side === 'stalled') await reader.next();
else await reader.return?.();
process.stdout.write('ready\n');
const last = String(changes - 1);
while (Buffer.from(watcher.snapshot?.entries.get('last')?.value ?? []).toString() !== last) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await done({});
