// @ts-check
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The one folder everything goes to: installs, running instances' state, the builds' caches. */
export function cacheRoot() {
  const xdg = process.env.XDG_CACHE_HOME;
  // XDG Base Directory Specification: a relative path is invalid and is ignored.
  const base = xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache');
  return join(base, 'rollcall', 'servers');
}

/**
 * Where a server is installed: one folder for each content of its lock files, so that two checkouts with different pins
 * share the cache without disturbing each other.
 *
 * @param {import('./types.mjs').Server} server
 */
export function installFolder(server) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`);
  for (const lock of server.locks) hash.update(readFileSync(lock));
  return join(cacheRoot(), `${server.name}-${hash.digest('hex').slice(0, 12)}`);
}

/**
 * State of what `start` runs: of each instance its data, log and pid.
 *
 * @param {{ readonly name: string }} started a deployment or one of its instances
 */
export const runFolder = ({ name }) => join(cacheRoot(), 'run', name);
