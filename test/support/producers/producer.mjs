// @ts-check
// A producer in a process of its own, as users would write it: `node producer.mjs CONFIG`. Requests on standard input,
// reports on standard output, one JSON object a line (protocol.ts).
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerList, createRelay, createRollcall } from 'rollcall';
import { Recorder } from './recorder.mjs';

/** @typedef {import('./protocol.js').ProducerConfig} ProducerConfig */

/** @type {ProducerConfig} */
const config = JSON.parse(process.argv[2] ?? '');
const recorder = new Recorder(config);
recorder.noteConnections();
const stopping = new AbortController();

const discovery = config.way === 'static' ? undefined : await discover();
const running = run();

for await (const line of createInterface({ input: process.stdin })) {
  /** @type {import('./protocol.js').Request} */
  const request = JSON.parse(line);
  if (request.type === 'since') recorder.since(request);
  else if (request.type === 'counts') recorder.count(request.id);
  else await stop(request.withinMs);
}
// Whoever wanted it is gone.
process.exit(1);

/** Connects and sends until it is stopped. */
async function run() {
  const { open } = await import(`./${config.client}.mjs`);
  const { brokers, servers = config.servers } = discovery ?? {};
  const client = await open({ config, recorder, brokers, servers, signal: stopping.signal });
  recorder.tell({ type: 'started', at: Date.now() });
  await Promise.all(recorder.senders.map((sender) => sender.run(client.send, stopping.signal)));
  await client.close();
}

/** @param {number} withinMs */
async function stop(withinMs) {
  stopping.abort();
  // Who has not sent anything may wait for a list that never comes.
  if (recorder.isIdle) await discovery?.close();
  const ended = () => true;
  const settled = await Promise.race([running.then(ended, ended), delay(withinMs, false)]);
  await discovery?.close();
  process.stdout.write(`${JSON.stringify({ type: 'record', settled, ...recorder.record() })}\n`, () => process.exit());
}

async function discover() {
  const { logger } = recorder;
  const rollcall = createRollcall({ env: {}, logger });
  const brokers = brokerList(rollcall.watch(config.registry), { ...config.list, logger });
  const reading = (async () => {
    for await (const update of brokers) recorder.listed(update.brokers);
  })();
  recorder.status(brokers.status);
  brokers.onStatus((status) => recorder.status(status));
  const relay = config.way === 'relay' ? await createRelay(brokers, { logger }) : undefined;
  return {
    // Behind a relay a client knows nothing else.
    brokers: relay ? undefined : brokers,
    servers: relay && [relay.address],
    close: async () => {
      await relay?.close();
      await brokers.close();
      await reading;
      await rollcall.close();
    },
  };
}
