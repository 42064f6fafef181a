// @ts-check
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from './cache.mjs';
import { ServersError } from './errors.mjs';
import { running, startInstance, stopInstance } from './instance.mjs';
import { withLock } from './lock.mjs';
import { accepts } from './ready.mjs';

/** @typedef {import('./types.mjs').Deployment} Deployment */

/**
 * Starts those instances that do not run, and waits until they serve; all of them or none.
 *
 * @param {Deployment} deployment
 * @param {object} options
 * @param {string} options.install install folder
 * @param {import('./types.mjs').Log} options.log
 * @param {AbortSignal} options.signal ends the wait, and what was started with it
 * @throws {ServersError} when a port is taken, or an instance ends or stays silent
 */
export async function startDeployment(deployment, { install, log, signal }) {
  const folder = runFolder(deployment);
  // Nobody else's: data, tokens and keys lie there.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const startMissing = async () => {
    const found = await Promise.all(deployment.instances.map(running));
    const missing = deployment.instances.filter((_, index) => found[index] === undefined);
    if (missing.length === 0) return log(`${deployment.name} runs already`);
    await requireFreePorts(deployment, missing);
    await startAll(missing, { install, version: deployment.server.version, signal });
  };
  await withLock(join(folder, 'lock'), startMissing, { signal });
}

/**
 * Ends what `start` started of a deployment, and no other process.
 *
 * @param {Deployment} deployment
 * @returns {Promise<boolean>} false when nothing of it runs
 */
export async function stopDeployment({ instances }) {
  return (await Promise.all(instances.map(stopInstance))).includes(true);
}

/**
 * @param {Deployment} deployment
 * @param {Deployment['instances']} instances
 */
async function requireFreePorts({ server, standard }, instances) {
  for (const { port } of instances) {
    if (!(await accepts(port))) continue;
    const instead = standard ? `, or set ${server.variable} to use it` : '';
    throw new ServersError(`port ${port} of 127.0.0.1 is in use: stop what runs there${instead}`);
  }
}

/**
 * At once: the servers of a new cluster are ready only together.
 *
 * @param {Deployment['instances']} instances
 * @param {Parameters<typeof startInstance>[1]} options
 */
async function startAll(instances, options) {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const start = (/** @type {import('./types.mjs').Instance} */ instance) =>
    startInstance(instance, { ...options, signal }).catch((error) => failed.abort(error));
  await Promise.all(instances.map(start));
  if (!failed.signal.aborted) return;
  await Promise.all(instances.map(stopInstance));
  throw failed.signal.reason;
}
