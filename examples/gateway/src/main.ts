import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { BrokerAddress, createRollcall } from 'rollcall';
import { createGateway } from './gateway.js';
import { createTables } from './table.js';

const USAGE = `npm run example:gateway -- URL --listen HOST:PORT

Serves HTTP from the routes, services and upstreams under a prefix in etcd, Consul or a file, as in
  npm run example:gateway -- etcd://127.0.0.1:2379//test/ --listen 127.0.0.1:8080
  etcdctl put /test/node '{"host":"127.0.0.1","port":6699}'
`;

async function main(): Promise<void> {
  const options = { listen: { type: 'string', default: '127.0.0.1:8080' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) throw new Error('give one URL, of a prefix');
  const { host, port } = BrokerAddress.parse(values.listen, 8080);
  const logger = pino(pino.destination(2));
  const rollcall = createRollcall({ logger });
  const gateway = await createGateway(createTables(rollcall.watch(url), logger), { host, port, logger });
  logger.info(`Listening on http://${BrokerAddress.of(host, gateway.port)}.`);
  const stop = (): void => void gateway.close().then(() => rollcall.close());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
}

main().catch(({ message }: Error) => {
  process.stderr.write(`gateway: ${message}\n\n${USAGE}`);
  process.exit(2);
});
