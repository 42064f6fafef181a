// @ts-check
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

const USAGE = `npm run chaos -- BACKEND [--seed N] [--minutes M] [--version V] [--control]
Breaks a real cluster at random while it is written to and watched, and compares what the watchers say with what the
servers say. The backend is etcd or consul. Progress goes to standard error, one line of JSON to standard output.
  --seed N     a whole number; the same one makes the same faults (default: drawn)
  --minutes M  how long; and until every kind of fault has happened (default: 5)
  --version V  of etcd: 3.5, 3.6 or 3.7 (default: 3.6)
  --control    watches with etcd3's or consul's own watcher instead, which must be found out
`;

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SERVERS = join(ROOT, 'servers/cli.mjs');
const STDERR = 2;
/** What a shell says of a program that was interrupted. */
const INTERRUPTED = 130;
const MOST_SEED = 2 ** 32 - 1;

/** Each backend's test, and the servers it needs by version; the first is the default. */
const BACKENDS = {
  etcd: { test: 'test/chaos/etcd.test.ts', servers: { 3.6: 'etcd', 3.5: 'etcd-3.5', 3.7: 'etcd-3.7' } },
  consul: { test: 'test/chaos/consul.test.ts', servers: { 1.22: 'consul' } },
};

class UsageError extends Error {}

/**
 * @typedef {object} Run
 * @property {string} test
 * @property {string} server
 * @property {string} version
 * @property {number} seed
 * @property {number} minutes
 * @property {boolean} control
 */

const stop = new AbortController();
// The tests hear of Ctrl-C themselves, and their servers die with them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());

try {
  const run = parse(process.argv.slice(2));
  if (run === undefined) process.stdout.write(USAGE);
  else await chaos(run);
} catch (error) {
  const { message } = /** @type {Error} */ (error);
  if (stop.signal.aborted) process.exitCode = INTERRUPTED;
  else {
    process.stderr.write(`npm run chaos: ${message}\n${error instanceof UsageError ? USAGE : ''}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/**
 * @param {Run} run
 */
async function chaos({ test, server, version, seed, minutes, control }) {
  checkNode();
  await install(stop.signal);
  const options = { stdout: STDERR, signal: stop.signal };
  await runNode('Getting the servers', SERVERS, ['install', server], options);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-chaos-'));
  const report = join(folder, 'report.json');
  Object.assign(process.env, {
    ROLLCALL_CHAOS_SEED: String(seed),
    ROLLCALL_CHAOS_MINUTES: String(minutes),
    ROLLCALL_CHAOS_VERSION: version,
    ROLLCALL_CHAOS_REPORT: report,
    ...(control ? { ROLLCALL_CHAOS_CONTROL: '1' } : {}),
  });
  try {
    process.stderr.write(`Chaos with seed ${seed} for ${minutes} min.\n`);
    await runNode('The chaos run', VITEST, ['run', test, '--disable-console-intercept'], options);
  } finally {
    process.stdout.write(await readFile(report, 'utf8').catch(() => ''));
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string[]} args
 * @returns {Run | undefined} undefined when help was asked for
 * @throws {UsageError}
 */
function parse(args) {
  const { positionals, values } = parsed(args);
  if (values.help) return undefined;
  const [name, ...more] = positionals;
  if (name === undefined) throw new UsageError(`which backend? ${Object.keys(BACKENDS).join(' or ')}`);
  if (more.length > 0) throw new UsageError(`one backend at a time, not also ${more.join(' ')}`);
  const backend = Object.entries(BACKENDS).find(([each]) => each === name)?.[1];
  if (backend === undefined) {
    throw new UsageError(`there is no chaos for "${name}", only for ${Object.keys(BACKENDS).join(' and ')}`);
  }
  const [newest = ''] = Object.keys(backend.servers);
  const version = values.version ?? newest;
  const server = Object.entries(backend.servers).find(([each]) => each === version)?.[1];
  if (server === undefined) {
    const versions = Object.keys(backend.servers).join(', ');
    throw new UsageError(`--version is one of ${versions}, not "${version}"`);
  }
  const { test } = backend;
  return {
    test,
    server,
    version,
    seed: seedOf(values.seed),
    minutes: minutesOf(values.minutes),
    control: values.control,
  };
}

/** @param {string[]} args */
function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string' },
        version: { type: 'string' },
        control: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string | undefined} text */
function seedOf(text) {
  if (text === undefined) return Math.floor(Math.random() * MOST_SEED);
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= MOST_SEED) return seed;
  throw new UsageError(`--seed is a whole number up to ${MOST_SEED}, not "${text}"`);
}

/** @param {string | undefined} text */
function minutesOf(text = '5') {
  const minutes = Number(text);
  if (text.trim() !== '' && Number.isFinite(minutes) && minutes > 0) return minutes;
  throw new UsageError(`--minutes is a number above 0, not "${text}"`);
}
