// @ts-check
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Board } from './demo/board.mjs';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

const USAGE = `npm run demo:kafka
Two producers on three real Kafka brokers, one with a static list, one with Rollcall's. All brokers are killed and come
back on other ports. Takes under a minute; the first time it gets Kafka (43 MB) before. Needs a JDK with Maven.
On a terminal live counters, elsewhere one JSON object a line.
Exit codes: 0 shown, or ended by Ctrl-C; 1 Rollcall's producer lost or duplicated a message, or it could not be shown; 2 wrong usage.
`;

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SERVERS = join(ROOT, 'servers/cli.mjs');
const STDERR = 2;
/** However long the rest takes, Ctrl-C ends it within this time, ms. */
const END_MS = 900;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
// A closed pipe is not an error.
process.stdout.on('error', end);

try {
  const { help } = options();
  if (help) process.stdout.write(USAGE);
  else await demo();
} catch (error) {
  // Ended as asked.
  if (!stop.signal.aborted) {
    const { message, code } = /** @type {NodeJS.ErrnoException} */ (error);
    const wrongUsage = code?.startsWith('ERR_PARSE_ARGS') ?? false;
    process.stderr.write(`npm run demo:kafka: ${message}\n${wrongUsage ? USAGE : ''}`);
    process.exitCode = wrongUsage ? 2 : 1;
  }
}
process.exit();

function end() {
  stop.abort();
  setTimeout(() => process.exit(0), END_MS);
}

async function demo() {
  checkNode();
  await install(stop.signal);
  await build(stop.signal);
  await runNode('Getting Kafka', SERVERS, ['install', 'kafka'], { stdout: STDERR, signal: stop.signal });
  stop.signal.throwIfAborted();
  const tell = process.stdout.isTTY ? await onTerminal() : asIs;
  await play(tell);
}

/**
 * Plays the test, which says what happens as JSON lines.
 *
 * @param {(json: string) => void} tell
 * @returns {Promise<void>}
 */
function play(tell) {
  return new Promise((resolve, reject) => {
    const reporter = fileURLToPath(import.meta.resolve('./demo/failures.mjs'));
    const args = ['run', 'test/demo/kafka.test.ts', `--reporter=${reporter}`, '--disable-console-intercept'];
    const env = { ...process.env, ROLLCALL_DEMO: process.stdout.isTTY ? 'terminal' : 'pipe' };
    // In a group of its own: all that it started ends at once, and nobody else hears of it.
    const child = spawn(process.execPath, [VITEST, ...args], {
      cwd: ROOT,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
    stop.signal.addEventListener('abort', kill, { once: true });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{') && !stop.signal.aborted) tell(line);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      stop.signal.removeEventListener('abort', kill);
      if (code === 0) resolve();
      else reject(new Error(`the demonstration failed (${signal ?? `exit code ${code}`})`));
    });
  });
}

async function onTerminal() {
  // Not before: there was nothing to import.
  const { Screen, coloured, painter } = await import('@rollcall/cli/demo');
  const board = new Board(new Screen(process.stdout, painter(coloured(process.stdout, process.env))));
  return (/** @type {string} */ json) => board.tell(JSON.parse(json));
}

/** @param {string} json */
function asIs(json) {
  process.stdout.write(`${json}\n`);
}

function options() {
  return parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } }).values;
}
