// @ts-check
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT } from './run.mjs';

const USAGE = `npm start [-- --stay]
Installs and builds what is missing, then shows a live Kafka broker list at work on a temporary file.
  --stay  without a terminal: go on when the demonstration is over, and follow edits of the file
`;

/** However long the rest takes, Ctrl-C ends it within this time, ms. */
const END_MS = 1_500;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stop.abort();
    setTimeout(() => process.exit(0), END_MS);
  });
}

try {
  const { stay, help } = options();
  if (help) process.stdout.write(USAGE);
  else process.exitCode = await start(stay);
} catch (error) {
  // Ended as asked.
  if (!stop.signal.aborted) {
    const { message, code } = /** @type {NodeJS.ErrnoException} */ (error);
    const wrongUsage = code?.startsWith('ERR_PARSE_ARGS') ?? false;
    process.stderr.write(`npm start: ${message}\n${wrongUsage ? USAGE : ''}`);
    process.exitCode = wrongUsage ? 2 : 1;
  }
}
process.exit();

/** @param {boolean} stay */
async function start(stay) {
  checkNode();
  await install(stop.signal);
  await build(stop.signal);
  stop.signal.throwIfAborted();
  // Not before: there was nothing to import.
  const { demo } = await import('@rollcall/cli/demo');
  const { stdin, stdout, stderr, env } = process;
  const io = { stdin, stdout, stderr, env, signal: stop.signal };
  return demo(io, { example: join(ROOT, 'examples/brokers.yaml'), stay });
}

function options() {
  const { values } = parseArgs({
    options: { stay: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  return values;
}
