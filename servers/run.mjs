// @ts-check
import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { ServersError } from './errors.mjs';

/** How often a long command says that it is still at work, in ms. */
const HEARTBEAT_MS = 10_000;
/** How much of a failed command's output is worth reading, in lines. */
const TAIL_LINES = 30;

/**
 * Runs a command to its end and gives its standard output.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {AbortSignal} [options.signal] interrupts the command
 * @param {number} [options.timeoutMs]
 * @param {number} [options.niceness]
 * @param {string} [options.what] what is going on, for progress and errors; the command by default
 * @param {import('./types.mjs').Log} [options.log] told every 10 s that it goes on
 * @returns {Promise<string>}
 * @throws {ServersError} with the end of the output when it fails; an ENOENT error when there is no such command
 */
export function run(command, args, { cwd, env, signal, timeoutMs, niceness = 0, what = command, log } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      signal: ends(signal, timeoutMs),
      killSignal: 'SIGINT',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness);

    const began = Date.now();
    const heartbeat = setInterval(() => log?.(`${what}: ${Math.round((Date.now() - began) / 1000)} s …`), HEARTBEAT_MS);
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => {
      clearInterval(heartbeat);
      reject(error);
    });
    child.on('close', (code, killedBy) => {
      clearInterval(heartbeat);
      if (code === 0) return resolve(stdout);
      const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
      reject(new ServersError(`${what} failed (${killedBy ?? `exit ${code}`})${tail ? `:\n${tail}` : ''}`));
    });
  });
}

/**
 * @param {AbortSignal | undefined} signal
 * @param {number | undefined} timeoutMs
 */
function ends(signal, timeoutMs) {
  // Not spawn's own timeout: when there is no such command, its timer holds the process until it has run out.
  const timeout = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
  return AbortSignal.any([...(signal ? [signal] : []), ...timeout]);
}

/**
 * A command's output, or undefined when it is missing, fails or takes too long: a question about the machine.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string | undefined>}
 */
export async function ask(command, args) {
  try {
    return await run(command, args, { timeoutMs: 5000 });
  } catch {
    return undefined;
  }
}
