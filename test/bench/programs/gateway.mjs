// @ts-check
import { Balancer } from '@rollcall/balancer';
import { createRollcall } from 'rollcall';
import { createGateway } from '../../../examples/gateway/build/gateway.js';
import { createTables } from '../../../examples/gateway/build/table.js';
import { task } from './sides.mjs';

/** The gateway until its input ends: on a table that is watched, or on one that never changes. */
/** @type {{ side: 'watched' | 'fixed', url: string, port: number, node: { host: string, port: number } }} */
const { side, url, port, node } = task();
const quiet = () => {};
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

async function watched() {
  const tables = createTables(createRollcall({ logger }).watch(url), logger);
  await Promise.all(Object.values(tables.collections).map((each) => each.ready()));
  return tables;
}

function fixed() {
  const destination = { balancer: new Balancer([node], { now: () => performance.now() }), headers: {} };
  return { current: async () => ({ find: () => destination }) };
}

await createGateway(side === 'watched' ? await watched() : fixed(), { host: '127.0.0.1', port, logger });
process.stdout.write('ready\n');
process.stdin.resume().once('end', () => process.exit(0));
