// @ts-check
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** How long a program that was told to end may take before it is killed, ms. */
const END_MS = 800;

/** A program ended otherwise than with exit code 0. */
export class RunError extends Error {
  /**
   * @param {string} what the program, in words
   * @param {number | null} code
   * @param {NodeJS.Signals | null} signal
   */
  constructor(what, code, signal) {
    super(`${what} failed (${signal ?? `exit code ${code}`})`);
    this.name = 'RunError';
  }
}

/**
 * Runs a program in the repository's folder, without standard input, and waits for its end.
 *
 * @param {string} what the program in words, for errors
 * @param {string} command
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {'inherit' | 'ignore' | number} [options.stdout] where its standard output goes
 * @param {AbortSignal | undefined} [options.signal] ends it
 * @param {(pid: number) => void} [options.started]
 * @returns {Promise<void>}
 * @throws {RunError} also when it was ended
 */
export function run(what, command, args, { stdout = 'inherit', signal, started } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', stdout, 'inherit'] });
    const end = () => {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), END_MS).unref();
    };
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    if (child.pid !== undefined) started?.(child.pid);
    child.once('error', reject);
    child.once('close', (code, by) => {
      signal?.removeEventListener('abort', end);
      if (code === 0) resolve();
      else reject(new RunError(what, code, by));
    });
  });
}

/**
 * Runs a script with this Node: a tool's own entry point, without npx between.
 *
 * @param {string} what
 * @param {string} script
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[3]} [options]
 */
export function runNode(what, script, args, options) {
  return run(what, process.execPath, [script, ...args], options);
}
