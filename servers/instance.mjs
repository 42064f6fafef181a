// @ts-check
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runFolder } from './cache.mjs';
import { ServersError } from './errors.mjs';
import { identityOf } from './process-identity.mjs';
import { untilReady } from './ready.mjs';

/** @typedef {import('./types.mjs').Instance} Instance */

/** How long a server may take to become ready, in ms. */
const READY_TIMEOUT_MS = 60_000;
/** How long a server may take to end after SIGTERM before it is killed, in ms. */
const STOP_TIMEOUT_MS = 15_000;
/** How often an ending server is looked at, in ms. */
const POLL_MS = 50;
const LOG_TAIL_LINES = 20;

/**
 * What is recorded of a started process, to find it again and to know it from a later process with its id.
 *
 * @typedef {object} Running
 * @property {number} pid
 * @property {string} identity
 */

/**
 * The process that `start` started, if it still runs.
 *
 * @param {Instance} instance
 * @returns {Promise<Running | undefined>}
 */
export async function running(instance) {
  try {
    const record = /** @type {Running} */ (JSON.parse(await readFile(recordOf(instance), 'utf8')));
    return identityOf(record.pid) === record.identity ? record : undefined;
  } catch {
    // None was started, or the record was cut short by a crash.
    return undefined;
  }
}

/**
 * Starts one instance in the background and waits until it serves.
 *
 * @param {Instance} instance
 * @param {object} options
 * @param {string} options.install install folder
 * @param {string} options.version of the server
 * @param {AbortSignal} options.signal ends the wait, and the instance with it
 * @throws {ServersError} when it ends or stays silent, with the end of its log
 */
export async function startInstance(instance, { install, version, signal }) {
  const folder = runFolder(instance);
  // Data of another version may not be readable.
  const dataDir = join(folder, `data-${version}`);
  await mkdir(dataDir, { recursive: true });
  const logFile = join(folder, 'log');
  const { launch, ready } = await instance.prepare({ install, folder, dataDir });

  const log = await open(logFile, 'w');
  const child = spawn(launch.command, launch.args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const ended = new AbortController();
  child.once('error', (error) => ended.abort(error));
  child.once('exit', (code, signal) => ended.abort(new Error(`it ended (${signal ?? `exit ${code}`})`)));
  if (child.pid !== undefined) {
    await writeFile(recordOf(instance), JSON.stringify({ pid: child.pid, identity: identityOf(child.pid) }));
  }
  try {
    await untilReady(ready, AbortSignal.any([signal, ended.signal, AbortSignal.timeout(READY_TIMEOUT_MS)]));
  } catch (error) {
    child.kill('SIGKILL');
    await rm(recordOf(instance), { force: true });
    const tail = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    const reason = /** @type {Error} */ (error).message;
    throw new ServersError(`${instance.name} did not become ready: ${reason}. The end of ${logFile}:\n${tail}`);
  }
  child.unref();
}

/**
 * Ends the process that `start` started, and no other process.
 *
 * @param {Instance} instance
 * @returns {Promise<boolean>} false when none runs
 */
export async function stopInstance(instance) {
  const record = await running(instance);
  if (record !== undefined) {
    process.kill(record.pid, 'SIGTERM');
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (identityOf(record.pid) === record.identity) {
      if (Date.now() > deadline) process.kill(record.pid, 'SIGKILL');
      await delay(POLL_MS);
    }
  }
  await rm(recordOf(instance), { force: true });
  return record !== undefined;
}

/** @param {Instance} instance */
const recordOf = (instance) => join(runFolder(instance), 'running.json');
