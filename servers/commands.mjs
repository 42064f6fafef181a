// @ts-check
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, installFolder, runFolder } from './cache.mjs';
import { serverNamed, servers } from './catalog.mjs';
import { startDeployment, stopDeployment } from './deploy.mjs';
import { deploymentNamed, deployments } from './deployments.mjs';
import { composeRuns, composeStop, composeUp, dockerAnswers } from './docker.mjs';
import { ServersError } from './errors.mjs';
import { ensureInstalled, isInstalled, madeBy } from './install.mjs';
import { running } from './instance.mjs';
import { pathOf } from './lib.mjs';
import { livingOwner } from './lock.mjs';

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
  const deployment = deploymentNamed(name);
  const { server, standard, credentials } = deployment;
  const given = givenEndpoints(deployment);
  if (given) {
    log(`${server.variable} is set: that server is used, nothing is started`);
    print(given);
    return;
  }
  if (standard && (await dockerAnswers())) {
    await composeUp(server, log);
  } else {
    const install = await ensureInstalled(server, { log, signal });
    await startDeployment(deployment, { install, log, signal });
  }
  print(deployment.instances.map(endpoint).join(','));
  if (credentials) print(join(runFolder(deployment), credentials));
}

/**
 * The endpoints of a server that the user runs, which is used instead.
 *
 * @param {import('./types.mjs').Deployment} deployment
 */
const givenEndpoints = ({ standard, server: { variable } }) =>
  standard && variable !== undefined ? process.env[variable] : undefined;

/** @param {import('./types.mjs').Instance} instance */
const endpoint = ({ port }) => `127.0.0.1:${port}`;

/**
 * @param {string} name
 * @param {Output} output
 */
export async function stop(name, { log }) {
  const deployment = deploymentNamed(name);
  const { server, standard } = deployment;
  if (await stopDeployment(deployment)) return log(`${name} stopped`);
  if (standard && (await dockerAnswers()) && (await composeRuns(server))) {
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
  for (const deployment of deployments) {
    const { name, server } = deployment;
    const installed = isInstalled(server)
      ? `installed (${await madeBy(server)}) in ${installFolder(server)}`
      : 'not installed';
    print(`${name.padEnd(14)} ${server.version.padEnd(7)} ${await state(deployment, docker)}; ${installed}`);
  }
}

/**
 * @param {import('./types.mjs').Deployment} deployment
 * @param {boolean} docker
 */
async function state(deployment, docker) {
  const { server, standard, instances } = deployment;
  const given = givenEndpoints(deployment);
  if (given) return `${server.variable}=${given}`;
  const records = await Promise.all(instances.map(running));
  const alive = instances.flatMap((instance, index) => {
    const record = records[index];
    return record ? [`${endpoint(instance)} (pid ${record.pid})`] : [];
  });
  if (alive.length > 0) {
    const part = alive.length < instances.length ? `${alive.length} of ${instances.length} run` : 'runs';
    return `${part} on ${alive.join(', ')}`;
  }
  if (standard && docker && (await composeRuns(server))) return `runs on 127.0.0.1:${server.port} (docker compose)`;
  return 'stopped';
}

/** @param {Output} output */
export async function clean({ log }) {
  for (const { name, instances } of deployments) {
    if ((await Promise.all(instances.map(running))).some(Boolean)) {
      throw new ServersError(`${name} runs: npm run servers -- stop ${name}`);
    }
  }
  const root = cacheRoot();
  for (const lock of (await readdir(root).catch(() => [])).filter((entry) => entry.endsWith('.lock'))) {
    const pid = await livingOwner(join(root, lock));
    if (pid !== undefined) throw new ServersError(`process ${pid} is installing a server (${lock}): try again later`);
  }
  await rm(root, { recursive: true, force: true });
  log(`removed ${root}`);
}
