// @ts-check
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buildGo } from './build-go.mjs';
import { installFolder } from './cache.mjs';
import { copyFromImage, dockerAnswers } from './docker.mjs';
import { fetchMaven } from './fetch-maven.mjs';
import { withLock } from './lock.mjs';
import { identityOf } from './process-identity.mjs';
import { requireJava } from './requirements.mjs';

/**
 * @typedef {object} InstallOptions
 * @property {import('./types.mjs').Log} log
 * @property {AbortSignal} [signal] interrupts a build; nothing half-made is ever found by others
 */

/** Written into a folder when everything else is: what it holds and how it was made. */
const MARK = 'installed.json';

/**
 * The folder of a server, installed first when it is missing. Any number of processes may ask at once: one works, the
 * others wait for it.
 *
 * @param {import('./types.mjs').Server} server
 * @param {InstallOptions} options
 * @returns {Promise<string>}
 * @throws {ServersError} when a tool is missing or a build fails
 */
export async function ensureInstalled(server, { log, signal }) {
  const folder = installFolder(server);
  if (isInstalled(server)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const title = `${server.name} ${server.version}`;
  const began = Date.now();
  const onWait = (/** @type {number} */ pid) => log(`${title}: process ${pid} is installing it; waiting`);
  await withLock(`${folder}.lock`, () => install(server, folder, { log, ...(signal ? { signal } : {}) }), {
    onWait,
    ...(signal ? { signal } : {}),
  });
  log(`${title}: installed in ${Math.round((Date.now() - began) / 1000)} s`);
  return folder;
}

/** @param {import('./types.mjs').Server} server */
export const isInstalled = (server) => existsSync(join(installFolder(server), MARK));

/**
 * How an installed server was made: `docker` (copied from its image), or `go` or `maven` (from that registry).
 *
 * @param {import('./types.mjs').Server} server
 * @returns {Promise<string>}
 */
export const madeBy = async (server) => JSON.parse(await readFile(join(installFolder(server), MARK), 'utf8')).by;

/**
 * @param {import('./types.mjs').Server} server
 * @param {string} folder
 * @param {InstallOptions} options
 */
async function install(server, folder, options) {
  if (isInstalled(server)) return;
  await sweep(folder);
  const temporary = `${folder}.${process.pid}-${randomUUID()}.tmp`;
  await mkdir(temporary);
  try {
    const by = await fill(server, temporary, options);
    await writeFile(join(temporary, MARK), `${JSON.stringify({ version: server.version, by })}\n`);
    await rename(temporary, folder);
  } catch (error) {
    // Another process may have moved the same build in place first.
    if (!isInstalled(server)) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * @param {import('./types.mjs').Server} server
 * @param {string} folder
 * @param {InstallOptions} options
 */
async function fill(server, folder, options) {
  const { build } = server;
  // What is inside an image runs on Linux only.
  if (process.platform === 'linux' && (await dockerAnswers())) {
    if (build.tool === 'maven') await requireJava(server);
    await copyFromImage(server, folder, options);
    if (build.tool === 'go')
      await Promise.all(Object.keys(build.packages).map((file) => chmod(join(folder, file), 0o755)));
    return 'docker';
  }
  if (build.tool === 'go') await buildGo(server, build, folder, options);
  else await fetchMaven(server, build, folder, options);
  return build.tool;
}

/**
 * Removes what killed processes left half-made.
 *
 * @param {string} folder
 */
async function sweep(folder) {
  const left = new RegExp(`^${basename(folder)}\\.(\\d+)-.*\\.tmp$`);
  for (const entry of await readdir(dirname(folder))) {
    const pid = left.exec(entry)?.[1];
    if (pid === undefined || identityOf(Number(pid)) !== undefined) continue;
    await rm(join(dirname(folder), entry), { recursive: true, force: true });
  }
}
