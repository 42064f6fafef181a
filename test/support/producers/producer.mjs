// @ts-check
// A producer in a process of its own, as users would write it: `node producer.mjs CONFIG`. Requests on standard input,
// reports on standard output, one JSON object a line (protocol.ts).
import { createInterface } from 'node:readline';
import { brokerList, createRollcall } from 'rollcall';
import { Recorder } from './recorder.mjs';

/** @typedef {import('./protocol.js').ProducerConfig} ProducerConfig */

/** @type {ProducerConfig} */
const config = JSON.parse(process.argv[2] ?? '');
const recorder = new Recorder(config);
recorder.noteConnections();
const stopping = new AbortController();

const { open } = await import(`./${config.client}.mjs`);
const discovery = config.way === 'static' ? undefined : discover();
const client = await open({ config, recorder, brokers: discovery?.brokers });
recorder.tell({ type: 'started', at: Date.now() });
const running = Promise.all(recorder.senders.map((sender) => sender.run(client.send, stopping.signal)));

for await (const line of createInterface({ input: process.stdin })) {
  /** @type {import('./protocol.js').Request} */
  const request = JSON.parse(line);
  if (request.type === 'since') recorder.since(request);
  else if (request.type === 'counts') recorder.count(request.id);
  else {
    stopping.abort();
    const patience = new Promise((resolve) => setTimeout(resolve, request.withinMs));
    await Promise.race([running, patience]);
    await Promise.race([client.close().catch(() => {}), patience]);
    await discovery?.close();
    process.stdout.write(`${JSON.stringify({ type: 'record', ...recorder.record() })}\n`, () => process.exit());
  }
}
// Whoever wanted it is gone.
process.exit(1);

function discover() {
  const rollcall = createRollcall({ env: {}, logger: recorder.logger });
  const brokers = brokerList(rollcall.watch(config.registry), { ...config.list, logger: recorder.logger });
  const reading = (async () => {
    for await (const update of brokers) recorder.listed(update.brokers);
  })();
  return {
    brokers,
    close: async () => {
      await brokers.close();
      await reading;
      await rollcall.close();
    },
  };
}
