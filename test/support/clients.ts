import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from '../../servers/cache.mjs';
import { withLock } from '../../servers/lock.mjs';
import { runTool } from './tool.js';

const clients = fileURLToPath(new URL('../clients/', import.meta.url));

/**
 * Loads a Kafka client that is no part of the root install. Its locked version comes from `test/clients/NAME` and is
 * installed, once for each content of the lock file, into the per-user cache.
 */
export async function loadClient(name: string): Promise<unknown> {
  const root = join(cacheRoot(), 'clients');
  const lock = await readFile(join(clients, name, 'package-lock.json'));
  const folder = join(root, `${name}-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`);
  await mkdir(root, { recursive: true });
  if (!existsSync(folder)) await withLock(`${folder}.lock`, () => install(name, folder));
  return createRequire(join(folder, 'package.json'))(name);
}

/** Installs aside and moves into place, so that a folder that is there is complete. */
async function install(name: string, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const aside = await mkdtemp(join(dirname(folder), `${name}-`));
  try {
    for (const file of ['package.json', 'package-lock.json']) await cp(join(clients, name, file), join(aside, file));
    await runTool('npm', ['ci', '--prefix', aside, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}
