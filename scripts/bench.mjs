// @ts-check
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

const USAGE = `npm run bench -- --only recovery
Measures with real servers, each against a peer in the same run.
  --only recovery  how long 1, 200 and 1,000 watches of etcd and Consul take to be live again after an outage,
                   beside etcd3's own watchers: median and last, in rows of a table; about 15 minutes
`;

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SERVERS = join(ROOT, 'servers/cli.mjs');

try {
  const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) process.stdout.write(USAGE);
  else if (values.only !== 'recovery') {
    process.stderr.write(`Say what to measure.\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    checkNode();
    await install();
    await build();
    await runNode('Getting the servers', SERVERS, ['install', 'etcd', 'consul']);
    process.stdout.write('| outage | watches | Rollcall: median, last | etcd3: median, last |\n|---|---|---|---|\n');
    process.env.ROLLCALL_BENCH = 'recovery';
    await runNode('The benchmark', VITEST, ['run', 'test/bench', '--silent=false', '--reporter=dot']);
  }
} catch (error) {
  process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
  process.exitCode = 1;
}
