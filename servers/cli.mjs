// @ts-check
import { parseArgs } from 'node:util';
import { clean, install, path, start, status, stop } from './commands.mjs';
import { ServersError, UsageError } from './errors.mjs';
import { usage } from './usage.mjs';

/**
 * @param {readonly string[]} args
 * @param {import('./commands.mjs').Output} output
 * @returns {Promise<void>}
 */
async function main(args, output) {
  const { positionals, help } = parse(args);
  if (help) return output.print(usage.trimEnd());
  const [command, ...names] = positionals;
  switch (command) {
    case undefined:
      throw new UsageError('which command?');
    case 'install':
      return install(names, output);
    case 'start':
      return start(oneName(command, names), output);
    case 'stop':
      return stop(oneName(command, names), output);
    case 'path':
      return path(oneName(command, names), output);
    case 'status':
      noNames(command, names);
      return status(output);
    case 'clean':
      noNames(command, names);
      return clean(output);
    default:
      throw new UsageError(`there is no command "${command}"`);
  }
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    const options = /** @type {const} */ ({ help: { type: 'boolean', short: 'h', default: false } });
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { positionals, help: values.help };
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/**
 * @param {string} command
 * @param {readonly string[]} names
 */
function oneName(command, names) {
  const [name] = names;
  if (name === undefined || names.length > 1) throw new UsageError(`${command} takes one name`);
  return name;
}

/**
 * @param {string} command
 * @param {readonly string[]} names
 */
function noNames(command, names) {
  if (names.length > 0) throw new UsageError(`${command} takes no name`);
}

const interrupted = new AbortController();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => interrupted.abort(new ServersError(`interrupted (${signal})`)));
}

/** @type {import('./commands.mjs').Output} */
const output = {
  print: (line) => process.stdout.write(`${line}\n`),
  log: (line) => process.stderr.write(`${line}\n`),
  signal: interrupted.signal,
};

// A reader that went away, as of `status | head`, is no failure.
process.stdout.on('error', (error) => {
  if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPIPE') throw error;
});

try {
  await main(process.argv.slice(2), output);
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`servers: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else if (interrupted.signal.aborted || error instanceof ServersError) {
    const reason = interrupted.signal.aborted ? interrupted.signal.reason : error;
    process.stderr.write(`servers: ${reason.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
