// @ts-check
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runFolder } from './cache.mjs';
import { ServersError } from './errors.mjs';
import { prepare } from './prepare.mjs';
import { identityOf } from './process-identity.mjs';
import { accepts, untilReady } from './ready.mjs';

/** How long a server may take to become ready, in ms. */
const READY_TIMEOUT_MS = 60_000;
/** How long a server may take to end after SIGTERM before it is killed, in ms. */
const STOP_TIMEOUT_MS = 15_000;
/** How often an ending server is looked at, in ms. */
const POLL_MS = 50;
const LOG_TAIL_LINES = 20;

/**
 * What is recorded of a started server, to find it again and to know it from a later process with its id.
 *
 * @typedef {object} Running
 * @property {number} pid
 * @property {string} identity
 */

/**
 * The server that `start` started, if it still runs.
 *
 * @param {import('./types.mjs').Server} server
 * @returns {Promise<Running | undefined>}
 */
export async function running(server) {
  try {
    const record = /** @type {Running} */ (JSON.parse(await readFile(recordOf(server), 'utf8')));
    return identityOf(record.pid) === record.identity ? record : undefined;
  } catch {
    // None was started, or the record was cut short by a crash.
    return undefined;
  }
}

/**
 * Starts an installed server in the background and waits until it serves.
 *
 * @param {import('./types.mjs').Server} server
 * @param {string} folder install folder
 * @param {AbortSignal} signal ends the wait, and the server with it
 * @throws {ServersError} when its port is taken, or it ends or stays silent, with the end of its log
 */
export async function startInstance(server, folder, signal) {
  if (await accepts(server.port)) {
    throw new ServersError(
      `port ${server.port} of 127.0.0.1 is in use: stop what runs there, or set ${server.variable} to use it`,
    );
  }
  // Data of another version may not be readable.
  const dataDir = join(runFolder(server), `data-${server.version}`);
  await mkdir(dataDir, { recursive: true });
  const logFile = join(runFolder(server), 'log');
  const { launch, ready } = await prepare(server, folder, dataDir);

  const log = await open(logFile, 'w');
  const child = spawn(launch.command, launch.args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const ended = new AbortController();
  child.once('error', (error) => ended.abort(error));
  child.once('exit', (code, signal) => ended.abort(new Error(`it ended (${signal ?? `exit ${code}`})`)));
  if (child.pid !== undefined) {
    await writeFile(recordOf(server), JSON.stringify({ pid: child.pid, identity: identityOf(child.pid) }));
  }
  try {
    await untilReady(ready, AbortSignal.any([signal, ended.signal, AbortSignal.timeout(READY_TIMEOUT_MS)]));
  } catch (error) {
    child.kill('SIGKILL');
    await rm(recordOf(server), { force: true });
    const tail = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    const reason = /** @type {Error} */ (error).message;
    throw new ServersError(`${server.name} did not become ready: ${reason}. The end of ${logFile}:\n${tail}`);
  }
  child.unref();
}

/**
 * Ends the server that `start` started, and no other process.
 *
 * @param {import('./types.mjs').Server} server
 * @returns {Promise<boolean>} false when none runs
 */
export async function stopInstance(server) {
  const record = await running(server);
  if (record !== undefined) {
    process.kill(record.pid, 'SIGTERM');
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (identityOf(record.pid) === record.identity) {
      if (Date.now() > deadline) process.kill(record.pid, 'SIGKILL');
      await delay(POLL_MS);
    }
  }
  await rm(recordOf(server), { force: true });
  return record !== undefined;
}

/** @param {import('./types.mjs').Server} server */
const recordOf = (server) => join(runFolder(server), 'running.json');
