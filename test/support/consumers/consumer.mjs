// @ts-check
// A consumer and an admin client in a process of their own, as users would write them: `node consumer.mjs CONFIG`. What
// they tell goes to standard output, one JSON object a line; each line of standard input has the admin client asked.
import { createInterface } from 'node:readline';
import { brokerList, createRollcall } from 'rollcall';

/**
 * @typedef {import('./process.js').ConsumerConfig} ConsumerConfig
 * @typedef {import('./process.js').Told} Told
 */

/**
 * What a client's `open` is given. It resolves, once it consumes, with what asks its admin client where the brokers are.
 *
 * @typedef {object} Opening
 * @property {ConsumerConfig} config
 * @property {import('rollcall').BrokerList} brokers
 * @property {(partition: number, offset: number, value: Buffer) => void} consumed
 * @property {(error: Error) => void} failed of what the client tells, and need not be its end
 */

/** @type {ConsumerConfig} */
const config = JSON.parse(process.argv[2] ?? '');
const brokers = brokerList(createRollcall({ env: {} }).watch(config.registry), { probe: true });
const { open } = await import(`./${config.client}.mjs`);

/** @type {{ addresses(): Promise<string[]> }} */
const admin = await open({
  config,
  brokers,
  consumed: (/** @type {number} */ partition, /** @type {number} */ offset, /** @type {Buffer} */ value) =>
    tell({ type: 'message', partition, offset, value: value.toString() }),
  failed: (/** @type {Error} */ { message }) => tell({ type: 'failed', message }),
});

for await (const _ of createInterface({ input: process.stdin })) {
  tell({ type: 'addresses', addresses: await admin.addresses() });
}
// Whoever wanted it is gone.
process.exit();

/** @param {Told} told */
function tell(told) {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
