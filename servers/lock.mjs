// @ts-check
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf } from './process-identity.mjs';

/** How often a waiting process looks again, in ms. */
const POLL_MS = 250;

/**
 * Runs `work` while this process holds the lock file at `path`. A lock whose process has ended is taken over.
 *
 * Two processes that find the same dead owner in the same instant may, very rarely, both get in; work under the lock
 * must therefore end in one atomic step (a rename), so that the lock saves effort and is not needed for correctness.
 *
 * @template T
 * @param {string} path its folder exists
 * @param {() => Promise<T>} work
 * @param {object} [options]
 * @param {AbortSignal} [options.signal] ends the wait
 * @param {(pid: number) => void} [options.onWait] called once, with the owner, before a wait
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { signal, onWait } = {}) {
  const token = `${JSON.stringify({ pid: process.pid, identity: identityOf(process.pid), id: randomUUID() })}\n`;
  let told = false;
  while (!(await take(path, token))) {
    const owner = await livingOwner(path);
    if (owner === undefined) continue;
    if (!told) onWait?.(owner);
    told = true;
    await delay(POLL_MS, undefined, signal ? { signal } : {});
  }
  try {
    return await work();
  } finally {
    if ((await content(path)) === token) await rm(path, { force: true });
  }
}

/**
 * The process that holds the lock, undefined when nobody does. A dead process's lock is put away.
 *
 * @param {string} path
 * @returns {Promise<number | undefined>}
 */
export async function livingOwner(path) {
  const found = await content(path);
  if (found === undefined) return undefined;
  const pid = ownerOf(found);
  if (pid !== undefined) return pid;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return undefined;
  }
  // Someone may have replaced the dead lock between the look and the rename: then this one is alive and goes back.
  if ((await content(aside)) !== found) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  return undefined;
}

/**
 * @param {string} path
 * @param {string} token
 */
async function take(path, token) {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, token);
  try {
    // A link appears with its whole content or not at all, unlike a file that is created and then written.
    await link(own, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** @param {string} path */
const content = (path) => readFile(path, 'utf8').catch(() => undefined);

/** @param {string} text */
function ownerOf(text) {
  try {
    const { pid, identity } = JSON.parse(text);
    return identityOf(pid) === identity ? /** @type {number} */ (pid) : undefined;
  } catch {
    return undefined;
  }
}
