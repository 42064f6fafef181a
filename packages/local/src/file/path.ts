import { lstat, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { keyFromBytes, keyToBytes } from '@rollcall/core';
import { isEscapedKey } from '@rollcall/core/internal';

/** As Linux does (path_resolution(7)): then the links lead in a circle. */
const MAX_LINKS = 40;

/**
 * What to watch: in each folder, the names that matter. An atomic rename gives the name another inode, so it is the
 * folder that tells of it, not the file.
 */
export class Places {
  readonly #names = new Map<string, Set<string> | 'keys'>();

  /** One name in a folder. */
  add(folder: string, name: string): void {
    const names = this.#names.get(folder) ?? new Set();
    if (names !== 'keys') this.#names.set(folder, names.add(name));
  }

  /** A folder whose files are keys: every name matters that is not hidden from keys, and the link of a ConfigMap. */
  addKeys(folder: string): void {
    this.#names.set(folder, 'keys');
  }

  get folders(): Iterable<string> {
    return this.#names.keys();
  }

  matters(folder: string, name: string): boolean {
    const names = this.#names.get(folder);
    return names === 'keys' ? name === CONFIG_MAP_LINK || !isHidden(name) : (names?.has(name) ?? false);
  }
}

/** Kubernetes writes a volume into a new folder and swaps this link to it, so that all keys change at once. */
export const CONFIG_MAP_LINK = '..data';

/** Dotfiles, locks and swap files; a Kubernetes volume's machinery and our own temporary files begin with two dots. */
const DOT_NAME = /^\./;
/** What editors, copies and patches leave behind: `NAME~`, `#NAME#`, `NAME.swp` and the like. */
const LEFTOVER = /~$|^#.*#$|\.(?:sw[a-p]|bak|tmp|orig|rej)$/i;
const README = /^README(?:\.[a-z]+)?$/i;

/** Names in a folder that are no keys, of files and of folders. */
export function isHidden(name: string): boolean {
  return DOT_NAME.test(name) || LEFTOVER.test(name) || README.test(name);
}

/** Paths are text with escaped bytes, like keys (`keyFromBytes`); the system wants the bytes. */
export function fsPath(path: string): string | Buffer {
  return isEscapedKey(path) ? Buffer.from(keyToBytes(path)) : path;
}

/**
 * Follows every link on an absolute path. `realpath` gives the same path, but not the places where a link can be
 * swapped; those are added, also when this throws.
 * @throws the system's error, where the path leads nowhere.
 */
export async function resolveLinks(path: string, places: Places): Promise<string> {
  let at = '/';
  let left = partsOf(path);
  let links = 0;
  for (;;) {
    const [name, ...rest] = left;
    if (name === undefined) return at;
    const next = name === '..' ? dirname(at) : join(at, name);
    const link = name === '..' ? undefined : await linkAt(next, () => places.add(at, name));
    if (link !== undefined || rest.length === 0) places.add(at, name);
    if (link === undefined) {
      at = next;
      left = rest;
      continue;
    }
    if (++links > MAX_LINKS) throw Object.assign(new Error('ELOOP: too many links'), { code: 'ELOOP', errno: -40 });
    if (link.startsWith('/')) at = '/';
    left = [...partsOf(link), ...rest];
  }
}

async function linkAt(path: string, onMissing: () => void): Promise<string | undefined> {
  try {
    const stat = await lstat(fsPath(path));
    if (!stat.isSymbolicLink()) return undefined;
    return keyFromBytes(await readlink(fsPath(path), { encoding: 'buffer' }));
  } catch (error) {
    onMissing();
    throw error;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
