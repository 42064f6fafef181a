import { type Entry, type KeyMap, type Logger, type Revision, type Timing, WatchError } from '@rollcall/core';
import type { Target, Update } from '@rollcall/core/adapter';
import { untilAborted } from '@rollcall/core/internal';
import { entriesOf, sameEntries } from './entries.js';
import { lookAt } from './look.js';
import { contentOf, type Observer, readSettled } from './read.js';
import { FileWatcher } from './watcher.js';

/**
 * How often a path is looked at (not read) without any event, ms: the safety net under mounts that lose events, such as
 * NFS and a single file bound into a container.
 */
const POLL_MS = 2_000;

export interface FileWatchOptions {
  readonly path: string;
  readonly target: Target;
  readonly signal: AbortSignal;
  readonly held?: KeyMap | undefined;
  readonly logger: Logger;
  readonly timing: Timing;
  /** Called at the start of each read. */
  readonly nextRevision: () => Revision;
  readonly onEnd: () => void;
}

/**
 * One watch of a path: a snapshot for every content, trouble while there is none that can be believed. Works only
 * while somebody waits in `next()`, so a slow reader costs nothing.
 */
export class FileWatch implements AsyncIterableIterator<Update> {
  readonly #options: FileWatchOptions;
  readonly #watcher: FileWatcher;
  readonly #observer: Observer;
  readonly #stop = new AbortController();
  readonly #updates: AsyncGenerator<Update, void>;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#watcher = new FileWatcher(options.logger, options.timing);
    this.#observer = {
      signal: this.#stop.signal,
      timing: options.timing,
      place: (places) => this.#watcher.place(places),
      takeChanged: () => this.#watcher.takeChanged(),
    };
    this.#updates = this.#follow();
    options.signal.addEventListener('abort', this.close);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Settles at once when aborted, also while the system hangs on a dead mount: the generator then ends by itself. */
  async next(): Promise<IteratorResult<Update, undefined>> {
    try {
      const result = await untilAborted(this.#updates.next(), this.#stop.signal);
      if (!result.done) return result;
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.close();
        throw WatchError.from(error);
      }
    }
    this.close();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Update, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  readonly close = (): void => {
    this.#options.signal.removeEventListener('abort', this.close);
    this.#stop.abort();
    this.#watcher.close();
    this.#options.onEnd();
  };

  async *#follow(): AsyncGenerator<Update, void> {
    const { target, held } = this.#options;
    let entries: ReadonlyMap<string, Entry> | undefined;
    let trouble: string | undefined;
    for (;;) {
      const { result, revision, print } = await this.#read();
      if (result instanceof WatchError) {
        if (trouble !== result.message) yield { type: 'trouble', error: result };
        trouble = result.message;
      } else {
        const next = entriesOf(result, target, entries ?? held);
        // After trouble the same content is news: it is current again.
        const isNews = entries === undefined || trouble !== undefined || !sameEntries(entries, next);
        entries = next;
        trouble = undefined;
        if (isNews) yield { type: 'snapshot', revision, entries: next };
      }
      if (print !== undefined) await this.#untilChanged(print);
      this.#stop.signal.throwIfAborted();
    }
  }

  /** No print when the path did not come to rest: then there is no version to wait for the end of. */
  async #read(): Promise<{ result: ReadonlyMap<string, Uint8Array> | WatchError; revision: Revision; print?: string }> {
    const { path, nextRevision } = this.#options;
    let revision = '';
    try {
      const { result, look } = await readSettled(path, this.#observer, (rested) => {
        revision = nextRevision();
        return contentOf(path, rested);
      });
      return { result, revision, print: look.print };
    } catch (error) {
      if (error instanceof WatchError) return { result: error, revision };
      throw error;
    }
  }

  async #untilChanged(print: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#watcher.next(POLL_MS);
      if (this.#watcher.takeChanged() || (await lookAt(this.#options.path)).print !== print) return;
    }
  }
}
