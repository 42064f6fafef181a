import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { keyFromBytes, WatchError } from '@rollcall/core';
import { errnoOf, readFailure, unreadable } from '../document/errors.js';
import { CONFIG_MAP_LINK, fsPath, isHidden, Places, resolveLinks } from './path.js';

/** The most bytes that one read takes: a path to a disk image, or to `/`, must not end the process. */
const MAX_BYTES = 64n * 1024n * 1024n;

/** What is at a path, without the contents of files. */
export interface PathLook {
  /** A text that is equal for two looks if nothing was changed between them, by the system's metadata. */
  readonly print: string;
  /** When anything there was last changed, by the file system's wall clock, ms; Infinity if unknown. */
  readonly changedAt: number;
  readonly places: Places;
  readonly found: PathContent;
}

export type PathContent =
  /** The path with all links resolved. */
  | { readonly type: 'document'; readonly path: string; readonly stat: BigIntStats }
  /** Keys and the paths of their files. */
  | { readonly type: 'folder'; readonly files: ReadonlyMap<string, string> }
  | { readonly type: 'trouble'; readonly error: WatchError };

/** Never rejects: what cannot be looked at is reported as trouble. */
export async function lookAt(path: string): Promise<PathLook> {
  const places = new Places();
  try {
    const real = await resolveLinks(path, places);
    const there = await stat(fsPath(real), { bigint: true });
    if (there.isDirectory()) return await new FolderWalk(path, places).walk(await folderRoot(real, places));
    // Reading a pipe or a device could wait for ever.
    if (!there.isFile()) throw unreadable(path, 'it is neither a file nor a folder; name one of these');
    if (there.size > MAX_BYTES) throw tooLarge(path);
    const print = printOf(real, there);
    return { print, changedAt: changedAtOf(there), places, found: { type: 'document', path: real, stat: there } };
  } catch (thrown) {
    const error = thrown instanceof WatchError ? thrown : readFailure(path, thrown);
    return { print: error.message, changedAt: Number.POSITIVE_INFINITY, places, found: { type: 'trouble', error } };
  }
}

/**
 * The folder that holds the keys. For a ConfigMap it is the present version's, found once, so that all keys are of one
 * version.
 */
export async function folderRoot(folder: string, places: Places): Promise<string> {
  const link = join(folder, CONFIG_MAP_LINK);
  try {
    await lstat(fsPath(link));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return folder;
  }
  return resolveLinks(link, places);
}

class FolderWalk {
  readonly #path: string;
  readonly #places: Places;
  readonly #files = new Map<string, string>();
  readonly #prints: string[] = [];
  #bytes = 0n;
  #changedAt = 0;

  constructor(path: string, places: Places) {
    this.#path = path;
    this.#places = places;
  }

  async walk(root: string): Promise<PathLook> {
    await this.#folder(root, '');
    return {
      print: this.#prints.join('\n'),
      changedAt: this.#changedAt,
      places: this.#places,
      found: { type: 'folder', files: this.#files },
    };
  }

  async #folder(folder: string, prefix: string): Promise<void> {
    this.#places.addKeys(folder);
    const there = await stat(fsPath(folder), { bigint: true });
    this.#changedAt = Math.max(this.#changedAt, changedAtOf(there));
    this.#prints.push(printOf(folder, there, 'identity'));
    const children = await readdir(fsPath(folder), { withFileTypes: true, encoding: 'buffer' });
    for (const child of children) {
      const name = keyFromBytes(child.name);
      if (isHidden(name)) continue;
      if (child.isDirectory()) await this.#folder(join(folder, name), `${prefix}${name}/`);
      else await this.#file(join(folder, name), prefix + name, child);
    }
  }

  /** Links to files are followed. Links to folders are not: they may lead out of the folder, or in a circle. */
  async #file(path: string, key: string, child: Dirent<Buffer>): Promise<void> {
    let real: string;
    let there: BigIntStats;
    try {
      real = child.isSymbolicLink() ? await resolveLinks(path, this.#places) : path;
      there = await stat(fsPath(real), { bigint: true });
    } catch (error) {
      // A file that vanished during the look is no deleted key: look again.
      throw readFailure(path, error);
    }
    if (!there.isFile()) return;
    this.#bytes += there.size;
    if (this.#bytes > MAX_BYTES) throw tooLarge(this.#path);
    this.#files.set(key, real);
    this.#changedAt = Math.max(this.#changedAt, changedAtOf(there));
    this.#prints.push(printOf(real, there));
  }
}

function changedAtOf({ mtimeMs, ctimeMs }: BigIntStats): number {
  return Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
}

function printOf(path: string, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats, only?: 'identity'): string {
  const identity = `${path}\0${dev}:${ino}`;
  return only === 'identity' ? identity : `${identity}:${size}:${mtimeNs}:${ctimeNs}`;
}

function tooLarge(path: string): WatchError {
  return unreadable(path, `there are more than ${MAX_BYTES / 1024n / 1024n} MiB; name a smaller file or folder`);
}
