// @ts-check
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

const TURBO = join(ROOT, 'node_modules/turbo/bin/turbo');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SERVERS = join(ROOT, 'servers/cli.mjs');
/** Servers compile behind the unit tests, and must not slow them down (nice 10). */
const BEHIND = 10;

/** Unit tests, and tests that need more than Node and the servers (kcat). */
const ELSEWHERE = ['packages/**', 'test/reliability/*.test.ts'].flatMap((pattern) => ['--exclude', pattern]);

const started = performance.now();
/** Handed on to vitest: paths, `-t name`. */
const given = process.argv.slice(2);

try {
  checkNode();
  await install();
  await runNode('The build', TURBO, ['run', 'build', '--output-logs=errors-only']);
  await (given.length > 0 ? testGiven() : testAll());
  say(`All tests passed in ${seconds()} s.`);
} catch (error) {
  say(`FAILED after ${seconds()} s: ${/** @type {Error} */ (error).message}.`);
  process.exitCode = 1;
}

async function testGiven() {
  await runNode('Getting the servers', SERVERS, ['install']);
  await runNode('The tests', VITEST, ['run', ...given]);
}

/** Unit tests run while the servers are made. All that fails is told, not just the first. */
async function testAll() {
  const behind = { started: (/** @type {number} */ pid) => setPriority(pid, BEHIND) };
  const [unit, servers] = await Promise.all([
    failures(runNode('The unit tests', VITEST, ['run', '--exclude', 'test/**'])),
    failures(runNode('Getting the servers', SERVERS, ['install'], behind)),
  ]);
  const live =
    servers.length > 0 ? [] : await failures(runNode('The tests on real servers', VITEST, ['run', ...ELSEWHERE]));
  const all = [...unit, ...servers, ...live];
  if (all.length > 0) throw new Error(all.join('; '));
}

/**
 * @param {Promise<void>} step
 * @returns {Promise<string[]>} why it failed, if it did
 */
function failures(step) {
  return step.then(
    () => [],
    (error) => [error.message],
  );
}

function seconds() {
  return Math.round((performance.now() - started) / 1000);
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`\n${text}\n`);
}
