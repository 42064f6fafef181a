// @ts-check
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, installFolder, runFolder } from './cache.mjs';
import { serverNamed, servers } from './catalog.mjs';
import { composeRuns, composeStop, composeUp, dockerAnswers } from './docker.mjs';
import { ServersError } from './errors.mjs';
import { ensureInstalled, isInstalled, madeBy } from './install.mjs';
import { running, startInstance, stopInstance } from './instance.mjs';
import { pathOf } from './lib.mjs';
import { livingOwner, withLock } from './lock.mjs';

/**
 * @typedef {object} Output
 * @property {(line: string) => void} print the result, on standard output
 * @property {import('./types.mjs').Log} log progress, on standard error
 * @property {AbortSignal} signal interrupts a build
 */

/**
 * @param {readonly string[]} names all of them when empty
 * @param {Output} output
 */
export async function install(names, { log, signal }) {
  const named = new Set(names.map(serverNamed));
  const wanted = servers.filter((server) => named.size === 0 || named.has(server));
  const first = wanted.filter(({ niceness }) => niceness === 0);
  const last = wanted.filter(({ niceness }) => niceness > 0);
  await Promise.all(first.map((server) => ensureInstalled(server, { log, signal })));
  for (const server of last) await ensureInstalled(server, { log, signal });
}

/**
 * @param {string} name
 * @param {Output} output
 */
export async function start(name, { print, log, signal }) {
  const server = serverNamed(name);
  const given = process.env[server.variable];
  if (given) {
    log(`${server.variable} is set: that server is used, nothing is started`);
    print(given);
    return;
  }
  if (await dockerAnswers()) {
    await composeUp(server, log);
  } else {
    const folder = await ensureInstalled(server, { log, signal });
    await mkdir(runFolder(server), { recursive: true });
    const startOnce = async () => {
      if (await running(server)) log(`${name} runs already`);
      else await startInstance(server, folder, signal);
    };
    await withLock(join(runFolder(server), 'lock'), startOnce, { signal });
  }
  print(`127.0.0.1:${server.port}`);
}

/**
 * @param {string} name
 * @param {Output} output
 */
export async function stop(name, { log }) {
  const server = serverNamed(name);
  if (await stopInstance(server)) return log(`${name} stopped`);
  if ((await dockerAnswers()) && (await composeRuns(server))) {
    await composeStop(server);
    return log(`${name} stopped`);
  }
  log(`${name} does not run (only what start has started is ever stopped)`);
}

/**
 * @param {string} name
 * @param {Output} output
 */
export async function path(name, { print }) {
  print(pathOf(serverNamed(name).name));
}

/** @param {Output} output */
export async function status({ print }) {
  const docker = await dockerAnswers();
  for (const server of servers) {
    const installed = isInstalled(server)
      ? `installed (${await madeBy(server)}) in ${installFolder(server)}`
      : 'not installed';
    print(`${server.name.padEnd(6)} ${server.version.padEnd(7)} ${await state(server, docker)}; ${installed}`);
  }
}

/**
 * @param {import('./types.mjs').Server} server
 * @param {boolean} docker
 */
async function state(server, docker) {
  const given = process.env[server.variable];
  if (given) return `${server.variable}=${given}`;
  const record = await running(server);
  if (record) return `runs on 127.0.0.1:${server.port} (pid ${record.pid})`;
  if (docker && (await composeRuns(server))) return `runs on 127.0.0.1:${server.port} (docker compose)`;
  return 'stopped';
}

/** @param {Output} output */
export async function clean({ log }) {
  for (const server of servers) {
    if (await running(server)) throw new ServersError(`${server.name} runs: npm run servers -- stop ${server.name}`);
  }
  const root = cacheRoot();
  for (const lock of (await readdir(root).catch(() => [])).filter((entry) => entry.endsWith('.lock'))) {
    const pid = await livingOwner(join(root, lock));
    if (pid !== undefined) throw new ServersError(`process ${pid} is installing a server (${lock}): try again later`);
  }
  await rm(root, { recursive: true, force: true });
  log(`removed ${root}`);
}
