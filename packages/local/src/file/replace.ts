import { randomUUID } from 'node:crypto';
import { type BigIntStats, renameSync, rmSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Revision } from '@rollcall/core';
import { errnoOf } from '../document/errors.js';
import { fsPath } from './path.js';

/** The next version of a file, in a temporary file beside it. Call `commit` or `discard`. */
export interface StagedFile {
  readonly stat: BigIntStats;
  /**
   * Moves it to the path, atomically: readers see the old or the new version, whole, also after a crash. Synchronous,
   * so that a read of this process has a higher revision if and only if it sees the new file.
   * @throws the system's error; nothing is left behind.
   */
  commit(nextRevision: () => Revision): Revision;
  discard(): Promise<void>;
}

/**
 * Writes the next version, with the mode and owner of the present one.
 * @throws the system's error; nothing is left behind.
 */
export async function stageFile(path: string, bytes: Uint8Array): Promise<StagedFile> {
  // In the same folder: a rename is atomic only within one file system. The name begins with two dots, so it is never
  // taken for a key.
  const temporary = fsPath(join(dirname(path), `..rollcall-${randomUUID()}`));
  try {
    return {
      stat: await write(temporary, path, bytes),
      commit: (nextRevision) => {
        try {
          const revision = nextRevision();
          renameSync(temporary, fsPath(path));
          return revision;
        } catch (error) {
          rmSync(temporary, { force: true });
          throw error;
        }
      },
      discard: () => rm(temporary, { force: true }),
    };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function write(temporary: string | Buffer, path: string, bytes: Uint8Array): Promise<BigIntStats> {
  const old = await statIfThere(path);
  // Nobody else may read it before it has the old file's owner.
  const handle = await open(temporary, 'wx', old === undefined ? 0o666 : 0o600);
  try {
    await handle.writeFile(bytes);
    if (old !== undefined) {
      // Only root may change a file's owner. Another owner is no reason to refuse a write that the folder allows.
      await handle.chown(Number(old.uid), Number(old.gid)).catch(() => {});
      await handle.chmod(Number(old.mode & 0o7777n));
    }
    await handle.sync();
    return await handle.stat({ bigint: true });
  } finally {
    await handle.close();
  }
}

async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(fsPath(path), { bigint: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return undefined;
  }
}
