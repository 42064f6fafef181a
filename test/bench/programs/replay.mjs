// @ts-check
import { cpuMs, done, etcd3Client, ourRegistry, task } from './sides.mjs';

/** Reads all changes after a revision. */
/** @type {{ side: 'rollcall' | 'etcd3', endpoint: string, prefix: string, since: string, events: number, revisions: number }} */
const { side, endpoint, prefix, since, events, revisions } = task();

/** @type {() => Promise<number>} */
let replay;
if (side === 'rollcall') {
  const registry = await ourRegistry();
  // What every program has loaded that has watched anything before.
  await registry.watch(`etcd://${endpoint}/none/`).ready();
  replay = async () => {
    let told = 0;
    let seen = 0;
    for await (const batch of registry.watch(`etcd://${endpoint}/${prefix}`, { since })) {
      if (batch.cause === 'initial') continue;
      if (batch.coalesced) throw new Error('a reader that keeps up was told two revisions at once');
      seen++;
      told += batch.changes.length;
      if (told === events) break;
    }
    if (seen !== revisions) throw new Error(`${seen} batches for ${revisions} revisions`);
    return told;
  };
} else {
  const client = etcd3Client(endpoint);
  await client.getAll().prefix('none/').buffers();
  replay = async () => {
    const start = String(BigInt(since) + 1n);
    const watcher = await client.watch().prefix(prefix).startRevision(start).create();
    let told = 0;
    await new Promise((resolve) => {
      const one = () => {
        if (++told === events) resolve(undefined);
      };
      watcher.on('put', one).on('delete', one);
    });
    return told;
  };
}

const began = performance.now();
const cpu = cpuMs();
await replay();
await done({ ms: performance.now() - began, cpuMs: cpuMs() - cpu });
