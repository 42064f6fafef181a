// @ts-check
import { join } from 'node:path';
import { checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

/** What stands between, also with the versions of etcd before and after. */
try {
  checkNode();
  await install();
  await runNode('Getting the servers', join(ROOT, 'servers/cli.mjs'), [
    'install',
    'etcd',
    'etcd-3.5',
    'etcd-3.7',
    'consul',
  ]);
  process.env.ROLLCALL_TEST_MATRIX = 'all';
  await runNode('The tests', join(ROOT, 'node_modules/vitest/vitest.mjs'), ['run', 'test/between']);
} catch (error) {
  process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
  process.exitCode = 1;
}
