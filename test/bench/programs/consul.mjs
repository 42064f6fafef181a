// @ts-check
import { subscribe } from 'node:diagnostics_channel';
import { createInterface } from 'node:readline';
import { consulClient, cpuMs, done, ourRegistry, task } from './sides.mjs';

/** Watches a prefix in Consul, and says on standard output which values it saw; ends when its standard input does. */
/** @type {{ side: 'rollcall' | 'consul' | 'none', endpoint: string, prefix: string }} */
const { side, endpoint, prefix } = task();

/** @param {string} value */
const seen = (value) => process.stdout.write(`seen ${value}\n`);
let began = cpuMs();
let queries = 0;
subscribe('http.client.request.start', () => queries++);

if (side === 'rollcall') {
  const registry = await ourRegistry('consul');
  const watcher = registry.watch(`consul://${endpoint}/${prefix}`);
  await watcher.ready({ fresh: true });
  void (async () => {
    for await (const { changes, cause } of watcher) {
      if (cause === 'initial') continue;
      for (const change of changes) if (change.type === 'put') seen(Buffer.from(change.entry.value).toString());
    }
  })();
} else if (side === 'consul') {
  const client = consulClient(endpoint);
  const options = /** @type {any} */ ({ key: prefix, recurse: true });
  const watch = client.watch({ method: client.kv.get, options });
  /** @type {Map<string, { ModifyIndex: number, Value: string }> | undefined} */
  let before;
  await new Promise((resolve) => {
    watch.on('change', (/** @type {{ Key: string, ModifyIndex: number, Value: string }[]} */ items) => {
      const now = new Map(items.map((item) => [item.Key, item]));
      for (const [key, item] of now) {
        if (before !== undefined && before.get(key)?.ModifyIndex !== item.ModifyIndex) seen(item.Value);
      }
      before = now;
      resolve(undefined);
    });
  });
}
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'measure') continue;
  began = cpuMs();
  queries = 0;
}
await done({ cpuMs: cpuMs() - began, queries });
