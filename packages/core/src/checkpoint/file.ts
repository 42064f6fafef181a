import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Location } from '../adapter/source.js';
import { CHECKPOINT_MAGIC, type Checkpoint, decodeCheckpoint, decodeNotes, encodeCheckpoint } from './format.js';

/** A temporary file older than this, ms, was left behind by a process that was killed: no write takes so long. */
const ABANDONED_AFTER_MS = 600_000;

/** The most bytes that are read for a header: it holds a prefix and a few notes. */
const LONGEST_HEADER = 64 * 1024;

/** The checkpoint file of one watch. Messages of its errors continue the sentence "The checkpoint <path> …". */
export class CheckpointFile {
  readonly path: string;
  readonly #location: Location;

  /** @param path absolute. */
  constructor(path: string, location: Location) {
    this.path = path;
    this.#location = location;
  }

  /** Reads the checkpoint; undefined if there is no file. @throws Error that says why it cannot be used. */
  async read(): Promise<Checkpoint | undefined> {
    const bytes = await this.#bytes().catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new Error(`cannot be read (${reasonOf(error)})`, { cause: error });
    });
    if (bytes === undefined) return undefined;
    const decoding = decodeCheckpoint(bytes, this.#location);
    for (;;) {
      const step = decoding.next();
      if (step.done) return step.value;
      await turn();
    }
  }

  /** Reads the notes, from the beginning of the file alone. Never rejects. */
  async notes(): Promise<Readonly<Record<string, string>>> {
    try {
      await this.#assertRegular();
      return decodeNotes(await beginningOf(this.path, LONGEST_HEADER), this.#location);
    } catch {
      return {};
    }
  }

  /**
   * Replaces the file atomically: readers and other writers always find one whole checkpoint.
   * @throws Error that says why it cannot be written, or the signal's reason. The old file then stays.
   */
  async write(checkpoint: Checkpoint, signal: AbortSignal): Promise<void> {
    await this.#assertOurs();
    // In the same folder: a rename is atomic only within one file system.
    const temporary = `${this.path}.${randomUUID()}.tmp`;
    try {
      // Mode 0600: values may be secrets.
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await writeFile(handle, encodeCheckpoint(checkpoint, this.#location), { signal });
        await handle.sync();
      } finally {
        await handle.close();
      }
      signal.throwIfAborted();
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      signal.throwIfAborted();
      throw new Error(`cannot be written (${reasonOf(error as Error)})`, { cause: error });
    }
  }

  /** Removes temporary files of processes that were killed during a write. Never rejects. */
  async tidy(): Promise<void> {
    const folder = dirname(this.path);
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      if (!name.startsWith(`${basename(this.path)}.`) || !/\.[0-9a-f-]{36}\.tmp$/.test(name)) continue;
      const old = await stat(join(folder, name)).catch(() => undefined);
      if (old === undefined || Date.now() - old.mtimeMs < ABANDONED_AFTER_MS) continue;
      await rm(join(folder, name), { force: true }).catch(() => {});
    }
  }

  async #bytes(): Promise<Buffer> {
    await this.#assertRegular();
    return readFile(this.path);
  }

  /**
   * Refuses what is no regular file: opening a pipe waits for a writer, and that wait cannot be ended. @throws also the
   * system's error.
   */
  async #assertRegular(): Promise<void> {
    if ((await stat(this.path)).isFile()) return;
    throw new Error('it is no regular file: give the path of one');
  }

  /** Refuses to overwrite a file that is no checkpoint: the path may be mistyped. */
  async #assertOurs(): Promise<void> {
    await this.#assertRegular().catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return;
      throw new Error(`cannot be written (${reasonOf(error)})`, { cause: error });
    });
    const beginning = await beginningOf(this.path, CHECKPOINT_MAGIC.length).catch(() => Buffer.of());
    if (beginning.length === 0 || beginning.equals(CHECKPOINT_MAGIC)) return;
    throw new Error('is another kind of file and is not written to');
  }
}

async function beginningOf(path: string, length: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The error's text without the system call and the path, which vary: `ENOSPC: no space left on device`. */
function reasonOf({ message }: Error): string {
  return message.split(',')[0] ?? message;
}
