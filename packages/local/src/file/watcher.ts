import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { keyFromBytes, type Logger, type Timing } from '@rollcall/core';
import { fsPath, type Places } from './path.js';

interface FolderWatch {
  readonly inode: string;
  readonly watcher: FSWatcher;
}

/**
 * Reports that something may have changed in a place. Only a hint: the system loses events on network and container
 * mounts, so the caller must also look by itself. It does not keep the process running.
 */
export class FileWatcher {
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #handles = new Map<string, FolderWatch>();
  readonly #refused = new Set<string>();
  #places: Places | undefined;
  #changed = false;
  #wake: () => void = () => {};
  #closed = false;

  constructor(logger: Logger, timing: Timing) {
    this.#logger = logger;
    this.#timing = timing;
  }

  /** Watches these places and no others. */
  async place(places: Places): Promise<void> {
    this.#places = places;
    const folders = new Set(places.folders);
    for (const folder of this.#handles.keys()) if (!folders.has(folder)) this.#drop(folder);
    for (const folder of folders) await this.#watch(folder);
  }

  /** Whether there was an event since the last call. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Resolves at the next event (or one not taken yet), after `ms`, or when closed. */
  async next(ms: number): Promise<void> {
    if (this.#changed || this.#closed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#timing.schedule(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = () => {};
  }

  close(): void {
    this.#closed = true;
    for (const folder of [...this.#handles.keys()]) this.#drop(folder);
    this.#wake();
  }

  async #watch(folder: string): Promise<void> {
    try {
      const { dev, ino } = await stat(fsPath(folder), { bigint: true });
      const inode = `${dev}:${ino}`;
      // The place may have been dropped, or another folder moved to its path, meanwhile.
      if (this.#closed || this.#handles.get(folder)?.inode === inode) return;
      this.#drop(folder);
      const watcher = watch(fsPath(folder), { persistent: false, encoding: 'buffer' });
      this.#handles.set(folder, { inode, watcher });
      watcher.on('change', (_event, name) => this.#onEvent(folder, name));
      watcher.on('error', (error) => {
        this.#drop(folder);
        this.#refuse(folder, error);
      });
      this.#refused.delete(folder);
    } catch (error) {
      this.#refuse(folder, error);
    }
  }

  #onEvent(folder: string, name: string | Buffer | null): void {
    const text = name === null ? undefined : keyFromBytes(Buffer.from(name));
    // The removal of the folder itself is reported under its own name.
    if (text !== undefined && text !== basename(folder) && !this.#places?.matters(folder, text)) return;
    this.#changed = true;
    this.#wake();
  }

  #drop(folder: string): void {
    this.#handles.get(folder)?.watcher.close();
    this.#handles.delete(folder);
  }

  /** The system refuses to watch: too many watches, or a mount without events. Changes are then noticed more slowly. */
  #refuse(folder: string, error: unknown): void {
    if (this.#closed || this.#refused.has(folder)) return;
    this.#refused.add(folder);
    this.#logger.warn({ folder, err: error }, `The system cannot watch "${folder}"; it is looked at by the clock.`);
  }
}
