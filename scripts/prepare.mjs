// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, runNode } from './run.mjs';

/** `engines` of package.json, where npm only warns. */
const OLDEST_NODE = { major: 20, minor: 19 };
/** Standard error: standard output is the program's own. */
const STDERR = 2;
/** npm writes this as the last thing of an install. */
const INSTALLED = 'node_modules/.package-lock.json';

/** @throws {Error} when this Node is too old to go on */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE.major || (major === OLDEST_NODE.major && minor >= OLDEST_NODE.minor)) return;
  const oldest = `${OLDEST_NODE.major}.${OLDEST_NODE.minor}`;
  throw new Error(`Rollcall needs Node ${oldest} or newer; this is ${process.versions.node}.`);
}

/**
 * `npm ci`, unless all that package-lock.json asks for is there.
 *
 * @param {AbortSignal} [signal]
 */
export async function install(signal) {
  if (isInstalled()) return;
  process.stderr.write('Installing the packages…\n');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const options = { stdout: STDERR, signal };
  // The npm that runs this says where it is; another may be first in the path.
  const npm = process.env.npm_execpath;
  await (npm?.endsWith('.js') ? runNode('npm ci', npm, args, options) : run('npm ci', 'npm', args, options));
}

/**
 * Builds what is not built: the compiler knows what that is, within half a second, and the bundler what it has compiled.
 *
 * @param {AbortSignal} [signal]
 */
export async function build(signal) {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  await runNode('The build', compiler, ['-b'], { stdout: STDERR, signal });
  await runNode('The build', join(ROOT, 'scripts/bundle.mjs'), [], { stdout: STDERR, signal });
}

function isInstalled() {
  if (!existsSync(join(ROOT, INSTALLED))) return false;
  const installed = packagesIn(INSTALLED);
  return Object.entries(packagesIn('package-lock.json')).every(
    // What is optional may be for another platform; '' is the repository itself.
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

/**
 * @param {string} lock
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function packagesIn(lock) {
  return JSON.parse(readFileSync(join(ROOT, lock), 'utf8')).packages;
}
