import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { type Revision, WatchError } from '@rollcall/core';
import { type PutOptions, refuseLeases } from '@rollcall/core/adapter';
import { editDocument } from '../document/document.js';
import { readFailure, writeFailure } from '../document/errors.js';
import { deleteKeyFile, putKeyFile } from './folder.js';
import { folderRoot, lookAt, type PathLook } from './look.js';
import { fsPath, Places, resolveLinks } from './path.js';
import { readSettled, singleRead } from './read.js';
import { stageFile } from './replace.js';
import type { FileRevisions } from './revisions.js';

interface Version {
  readonly look: PathLook;
  /** The path of the document itself, all links resolved. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes keys to a document or a folder, one after another. Other processes that write the same document at the same
 * moment are noticed up to an instant before the rename; what comes after that is overwritten, for files have no locks
 * that editors would heed.
 */
export class FileWriter {
  readonly #path: string;
  readonly #revisions: FileRevisions;
  readonly #closed = new AbortController();
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** The document that this writer wrote last. */
  #own: BigIntStats | undefined;

  constructor(path: string, revisions: FileRevisions) {
    this.#path = path;
    this.#revisions = revisions;
  }

  /**
   * Sets a key. A missing or unreadable document stays untouched: another writer may be halfway through it.
   * @throws WatchError UNSUPPORTED (a lease, a key the place cannot hold), INVALID_OPTION, UNREADABLE, FORBIDDEN,
   *   UNAVAILABLE.
   */
  async put(key: string, value: Uint8Array, options?: PutOptions): Promise<Revision> {
    refuseLeases('A file', options);
    return this.#inTurn(async () => {
      const root = await this.#folder();
      if (root !== undefined) return putKeyFile(root, key, value, this.#revisions.next);
      return (await this.#edit(key, value)) ?? this.#revisions.last;
    });
  }

  /**
   * Removes a key.
   * @returns whether it was there.
   * @throws as `put`.
   */
  async delete(key: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const root = await this.#folder();
      if (root !== undefined) return deleteKeyFile(root, key);
      return (await this.#edit(key, undefined)) !== undefined;
    });
  }

  /** Waits for the running write, and ends writes that wait for a document to come to rest. */
  async close(): Promise<void> {
    this.#closed.abort(new WatchError('CLOSED', `The source of "${this.#path}" was closed; open it again to write.`));
    await this.#lastWrite;
  }

  async #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#lastWrite.then(async () => {
      this.#closed.signal.throwIfAborted();
      try {
        return await write();
      } catch (error) {
        throw error instanceof WatchError ? error : writeFailure(this.#path, error);
      }
    });
    this.#lastWrite = turn.catch(() => {});
    return turn;
  }

  /** The folder of the keys' files; undefined if the path is a document. */
  async #folder(): Promise<string | undefined> {
    try {
      const places = new Places();
      const real = await resolveLinks(this.#path, places);
      return (await stat(fsPath(real))).isDirectory() ? await folderRoot(real, places) : undefined;
    } catch (error) {
      throw readFailure(this.#path, error);
    }
  }

  /** @returns undefined if nothing changes. */
  async #edit(key: string, value: Uint8Array | undefined): Promise<Revision | undefined> {
    for (;;) {
      const { look, path, bytes } = await this.#read();
      const edited = editDocument(this.#path, bytes, key, value);
      if (edited === undefined) return undefined;
      const staged = await stageFile(path, edited);
      if ((await lookAt(this.#path)).print === look.print) {
        const revision = staged.commit(this.#revisions.next);
        this.#own = staged.stat;
        return revision;
      }
      // The document was saved meanwhile: the change is applied to the new version.
      await staged.discard();
    }
  }

  async #read(): Promise<Version> {
    const look = await lookAt(this.#path);
    // This writer's own version is whole: it need not come to rest first.
    if (this.#isOwn(look)) return this.#version(look);
    const { result } = await readSettled(this.#path, singleRead(this.#closed.signal), (rested) =>
      this.#version(rested),
    );
    if (result instanceof WatchError) throw result;
    return result;
  }

  async #version(look: PathLook): Promise<Version> {
    const { found } = look;
    if (found.type === 'trouble') throw found.error;
    if (found.type === 'folder') throw new WatchError('UNAVAILABLE', `"${this.#path}" became a folder; try again.`);
    return { look, path: found.path, bytes: await readFile(fsPath(found.path)) };
  }

  #isOwn({ found }: PathLook): boolean {
    const own = this.#own;
    if (own === undefined || found.type !== 'document') return false;
    return found.stat.ino === own.ino && found.stat.size === own.size && found.stat.mtimeNs === own.mtimeNs;
  }
}
