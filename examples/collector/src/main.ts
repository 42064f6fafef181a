import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { BrokerAddress, brokerList, createRollcall } from 'rollcall';
import { createCallers } from './callers.js';
import { createCollector } from './collector.js';
import { Store } from './store.js';

const USAGE = `npm run example:collector -- --brokers URL --callers URL --topic TOPIC [--listen HOST:PORT] [--flush-ms 10000]

Stores what is posted with a known key in a Kafka topic. Brokers and callers are keys in etcd, Consul or a file:
  npm run example:collector -- --brokers etcd:///broker/kafka/ --callers etcd:///callers/ --topic events
  etcdctl put callers/me '{"sha256":"'$(printf %s my-key | sha256sum | cut -c1-64)'"}'
  curl -H 'Authorization: Bearer my-key' -d 'a record' http://127.0.0.1:8081
`;

const string = { type: 'string' } as const;
const OPTIONS = {
  brokers: string,
  callers: string,
  topic: string,
  listen: { type: 'string', default: '127.0.0.1:8081' },
  'flush-ms': { type: 'string', default: '10000' },
} as const;

async function main(): Promise<void> {
  const {
    brokers: brokersUrl,
    callers: callersUrl,
    topic,
    listen,
    'flush-ms': flush,
  } = parseArgs({ options: OPTIONS }).values;
  if (!brokersUrl || !callersUrl || !topic) throw new Error('give --brokers, --callers and --topic');
  if (!/^\d+$/.test(flush)) throw new Error('--flush-ms must be a number of ms');
  const { host, port } = BrokerAddress.parse(listen, 8081);
  const logger = pino(pino.destination({ dest: 2, sync: true }));
  const rollcall = createRollcall({ logger });
  const brokers = brokerList(rollcall.watch(brokersUrl), { logger });
  const callers = createCallers(rollcall.watch(callersUrl), logger);
  let store: Store | undefined;
  const collector = await createCollector({ callers, store: () => store, host, port, logger });
  logger.info(`Listening on http://${BrokerAddress.of(host, collector.port)}.`);

  const stop = async (): Promise<void> => {
    const left = await collector.close(Number(flush));
    if (left > 0) logger.error({ left }, `${left} accepted records were not stored.`);
    // A producer that waits for brokers would wait without end.
    process.exit(left > 0 ? 1 : 0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
  store = await Store.open(brokers, { topic, logger });
}

main().catch(({ message }: Error) => {
  process.stderr.write(`collector: ${message}\n\n${USAGE}`);
  process.exit(2);
});
