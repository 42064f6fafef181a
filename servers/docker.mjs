// @ts-check
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, run } from './run.mjs';

const composeFile = fileURLToPath(new URL('../docker-compose.yml', import.meta.url));

/** Whether a Docker engine answers, not just whether its client is installed. */
export const dockerAnswers = async () =>
  Boolean((await ask('docker', ['info', '--format', '{{.ServerVersion}}']))?.trim());

/**
 * Copies a server's files out of its image.
 *
 * @param {import('./types.mjs').Server} server
 * @param {string} folder
 * @param {import('./install.mjs').InstallOptions} options
 */
export async function copyFromImage(server, folder, { log, signal }) {
  const what = `${server.name} ${server.version}: pulling ${server.image}`;
  log(what);
  const options = { ...(signal ? { signal } : {}), log, what };
  const container = (await run('docker', ['create', server.image], options)).trim().split('\n').at(-1) ?? '';
  try {
    for (const { from, to } of server.copies) {
      await run('docker', ['cp', `${container}:${from}`, join(folder, to)], options);
    }
  } finally {
    await run('docker', ['rm', container]);
  }
}

/**
 * Starts one service of docker-compose.yml and waits until its health check passes.
 *
 * @param {import('./types.mjs').Server} server
 * @param {import('./types.mjs').Log} log
 */
export async function composeUp(server, log) {
  const what = `${server.name} ${server.version}: docker compose up`;
  log(what);
  await run('docker', ['compose', '-f', composeFile, 'up', '-d', '--wait', server.name], { log, what });
}

/** @param {import('./types.mjs').Server} server */
export async function composeStop(server) {
  await run('docker', ['compose', '-f', composeFile, 'stop', server.name]);
}

/**
 * Whether one service of docker-compose.yml runs.
 *
 * @param {import('./types.mjs').Server} server
 */
export async function composeRuns(server) {
  const services = await ask('docker', ['compose', '-f', composeFile, 'ps', '--services', '--status', 'running']);
  return (services ?? '').split('\n').includes(server.name);
}
