import { type Entry, type KeyMap, type Logger, type Revision, type Timing, WatchError } from '@rollcall/core';
import type { Target, Update } from '@rollcall/core/adapter';
import { entriesOf, sameEntries } from './entries.js';
import { lookAt } from './look.js';
import { contentOf, type Observer, readSettled } from './read.js';
import { FileWatcher } from './watcher.js';

/**
 * How often a path is looked at (not read) without any event, ms. Mounts such as NFS, and a single file bound into a
 * container, lose events.
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
}

/** The keys and values of one read, or why there are none. */
interface FileRead {
  readonly result: ReadonlyMap<string, Uint8Array> | WatchError;
  readonly revision: Revision;
  /** Identifies the version that was read; undefined if the path never came to rest. */
  readonly print?: string;
}

/** One watch of a path: a snapshot for each content, trouble while the path has no content that can be believed. */
export async function* watchFile(options: FileWatchOptions): AsyncGenerator<Update, void> {
  const { path, target, held, signal, logger, timing } = options;
  const watcher = new FileWatcher(logger, timing);
  // By the signal and not in `finally` alone: on a dead mount the system answers nothing, and this function hangs.
  const close = (): void => watcher.close();
  signal.addEventListener('abort', close, { once: true });
  const observer: Observer = {
    signal,
    timing,
    place: (places) => watcher.place(places),
    takeChanged: () => watcher.takeChanged(),
  };
  let entries: ReadonlyMap<string, Entry> | undefined;
  let trouble: string | undefined;
  try {
    while (!signal.aborted) {
      const { result, revision, print } = await readFile(options, observer);
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
      if (print !== undefined) await untilChanged(path, print, watcher, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw WatchError.from(error);
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}

async function readFile({ path, nextRevision }: FileWatchOptions, observer: Observer): Promise<FileRead> {
  let revision = '';
  try {
    const { result, look } = await readSettled(path, observer, (rested) => {
      revision = nextRevision();
      return contentOf(path, rested);
    });
    return { result, revision, print: look.print };
  } catch (error) {
    if (error instanceof WatchError) return { result: error, revision };
    throw error;
  }
}

async function untilChanged(path: string, print: string, watcher: FileWatcher, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await watcher.next(POLL_MS);
    if (watcher.takeChanged() || (await lookAt(path)).print !== print) return;
  }
}
