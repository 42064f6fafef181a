import { lstat, mkdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Revision, WatchError } from '@rollcall/core';
import { errnoOf } from '../document/errors.js';
import { fsPath, isHidden } from './path.js';
import { stageFile } from './replace.js';

/**
 * Writes one key of a folder.
 * @throws WatchError INVALID_OPTION if the key cannot be a file in the folder; the system's error.
 */
export async function putKeyFile(
  root: string,
  key: string,
  value: Uint8Array,
  nextRevision: () => Revision,
): Promise<Revision> {
  const { folders, name } = splitKey(root, key);
  let folder = root;
  for (const part of folders) {
    folder = join(folder, part);
    await makeFolder(folder, key);
  }
  const path = join(folder, name);
  await assertReplaceable(path, key);
  const staged = await stageFile(path, value);
  return staged.commit(nextRevision);
}

/**
 * Removes one key of a folder: its file, or the link to it.
 * @returns whether it was there.
 * @throws as `putKeyFile`.
 */
export async function deleteKeyFile(root: string, key: string): Promise<boolean> {
  const { folders, name } = splitKey(root, key);
  let folder = root;
  try {
    for (const part of folders) {
      folder = join(folder, part);
      if ((await lstat(fsPath(folder))).isSymbolicLink()) throw leadsAway(folder, key);
    }
    const path = fsPath(join(folder, name));
    if (!(await stat(path)).isFile()) return false;
    await unlink(path);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

function splitKey(root: string, key: string): { folders: string[]; name: string } {
  const parts = key.split('/');
  if (parts.some((part) => part === '' || isHidden(part) || part.includes('\0'))) {
    throw new WatchError(
      'INVALID_OPTION',
      `The key ${JSON.stringify(key)} cannot be a file in the folder "${root}": no part between slashes may be empty or be a name that a folder leaves out (it begins with ".", ends in "~", .swa to .swp, .bak, .tmp, .orig or .rej, is "#…#" or README).`,
    );
  }
  return { folders: parts.slice(0, -1), name: parts.at(-1) as string };
}

async function makeFolder(folder: string, key: string): Promise<void> {
  try {
    await mkdir(fsPath(folder));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    if ((await lstat(fsPath(folder))).isSymbolicLink()) throw leadsAway(folder, key);
  }
}

function leadsAway(link: string, key: string): WatchError {
  return new WatchError(
    'INVALID_OPTION',
    `The key ${JSON.stringify(key)} leads over the link "${link}", which may lead out of the folder: links are read, but nothing is written through one.`,
  );
}

/** Refuses links, which may lead out of the folder, and pipes and devices, which are no keys. */
async function assertReplaceable(path: string, key: string): Promise<void> {
  const there = await lstat(fsPath(path)).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return undefined;
  });
  if (there?.isSymbolicLink()) throw leadsAway(path, key);
  if (there === undefined || there.isFile() || there.isDirectory()) return;
  const why = `"${path}" is no regular file; remove it, or choose another key`;
  throw new WatchError('INVALID_OPTION', `The key ${JSON.stringify(key)} cannot be written: ${why}.`);
}
