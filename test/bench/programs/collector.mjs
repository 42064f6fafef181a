// @ts-check
import { brokerList, createRollcall } from 'rollcall';
import { Store } from '../../../examples/collector/build/store.js';
import { done, task } from './sides.mjs';

/** What a record costs that is stored, while a thousand are under way: in batches, or one at a time. */
/** @type {{ url: string, topic: string, batch: number, records: number }} */
const { url, topic, batch, records } = task();
const UNDER_WAY = 1_000;

const quiet = () => {};
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const store = await Store.open(brokerList(createRollcall().watch(url)), { topic, batch, logger });
const value = Buffer.alloc(200, 'v');
await store.add(value);
let next = 0;
const startedAt = performance.now();
await Promise.all(
  Array.from({ length: Math.min(UNDER_WAY, records) }, async () => {
    while (next++ < records) await store.add(value);
  }),
);
await done({ recordMs: (performance.now() - startedAt) / records });
