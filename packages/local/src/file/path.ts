import { lstat, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { keyFromBytes, keyToBytes } from '@rollcall/core';
import { isEscapedKey } from '@rollcall/core/internal';

/** The most links on a path, as in Linux (path_resolution(7)); more are a circle. */
const MAX_LINKS = 40;

/**
 * The places to watch: in each folder, the names that matter. Folders are watched and not files: an atomic rename gives
 * the name another inode, and the folder reports it.
 */
export class Places {
  readonly #names = new Map<string, Set<string> | 'keys'>();

  /** Watches one name in a folder. */
  add(folder: string, name: string): void {
    const names = this.#names.get(folder) ?? new Set();
    if (names !== 'keys') this.#names.set(folder, names.add(name));
  }

  /** Watches a folder of keys: every name that may be a key, and the link of a ConfigMap. */
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

/** Kubernetes writes a volume into a new folder and then swaps this link, so that all keys change at once. */
export const CONFIG_MAP_LINK = '..data';

/**
 * Names that are no keys: dotfiles, locks and swap files; the machinery of a Kubernetes volume and our own temporary
 * files begin with two dots.
 */
const DOT_NAME = /^\./;
/** Names that editors, copies and patches leave behind: `NAME~`, `#NAME#`, `NAME.swp` and so on. */
const LEFTOVER = /~$|^#.*#$|\.(?:sw[a-p]|bak|tmp|orig|rej)$/i;
const README = /^README(?:\.[a-z]+)?$/i;

/** Whether a name in a folder is no key. */
export function isHidden(name: string): boolean {
  return DOT_NAME.test(name) || LEFTOVER.test(name) || README.test(name);
}

/** Paths are text with escaped bytes, like keys (`keyFromBytes`). The system needs the bytes. */
export function fsPath(path: string): string | Buffer {
  return isEscapedKey(path) ? Buffer.from(keyToBytes(path)) : path;
}

/**
 * Resolves every link on an absolute path, and collects the places where a link can be swapped (`realpath` does not
 * give them). The places are collected also if it throws.
 * @throws the system's error if the path leads nowhere.
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
