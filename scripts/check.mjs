// @ts-check
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkNode, install } from './prepare.mjs';
import { ROOT } from './run.mjs';

const TOOLS = join(ROOT, 'node_modules/.bin');

/**
 * What is checked, each with the command lines that do it. `attw` reads what `npm pack` would publish, so the build
 * comes first.
 *
 * @type {readonly { name: string, commands: readonly (readonly string[])[] }[]}
 */
const CHECKS = [
  { name: 'build', commands: [['turbo', 'run', 'build', '--output-logs=errors-only']] },
  {
    name: 'types',
    commands: [
      ['tsc', '-b'],
      ['tsc', '-p', 'test/tsconfig.json'],
    ],
  },
  { name: 'format and lint (biome)', commands: [['biome', 'ci', '--colors=off', '--error-on-warnings']] },
  { name: 'imports run one way (turbo boundaries)', commands: [['turbo', 'boundaries', '--filter=./packages/*']] },
  { name: 'nothing unused (knip)', commands: [['knip']] },
  { name: 'API reference is current (typedoc)', commands: [['node', 'scripts/api/write.mjs', '--check']] },
  { name: 'package contents (publint)', commands: packages().map((each) => ['publint', '--strict', each]) },
  {
    name: 'package types (attw)',
    commands: packages().map((each) => ['attw', '--profile', 'esm-only', '--pack', each]),
  },
];

checkNode();
await install();
let failed = 0;
for (const { name, commands } of CHECKS) {
  const started = performance.now();
  const outputs = await Promise.all(commands.map(run));
  const failures = outputs.filter((output) => output !== undefined);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${failures.length === 0 ? '✓' : '✗'} ${name} ${seconds} s\n${failures.join('\n')}`);
  if (failures.length > 0) failed++;
}
process.stdout.write(failed === 0 ? 'All checks passed.\n' : `FAILED: ${failed} of ${CHECKS.length} checks.\n`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * @param {readonly string[]} command
 * @returns {Promise<string | undefined>} its output when it failed
 */
function run([tool = '', ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(tool === 'node' ? process.execPath : join(TOOLS, tool), args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0 ? undefined : output));
  });
}

function packages() {
  return readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}`);
}
