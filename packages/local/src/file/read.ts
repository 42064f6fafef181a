import { readFile } from 'node:fs/promises';
import { systemTiming, type Timing, WatchError } from '@rollcall/core';
import { delay } from '@rollcall/core/internal';
import { parseDocument } from '../document/document.js';
import { readFailure, unreadable } from '../document/errors.js';
import { lookAt, type PathLook } from './look.js';
import { fsPath, type Places } from './path.js';

/**
 * A file must be unchanged for this long before it is believed, ms. A writer that truncates and writes in steps leaves,
 * for a moment, a document that parses and lacks keys; nothing in the file shows that. It is longer than the kernel's
 * timestamp granularity (10 ms at HZ=100), so that no change hides behind an equal mtime.
 */
const SETTLE_MS = 50;
/**
 * A file whose last change is older than this, ms, counts as unchanged for long enough. Far above the clock error of a
 * file server.
 */
const LONG_AGO_MS = 10_000;
/** If a file never comes to rest for this long, ms, an error is reported. */
const PATIENCE_MS = 5_000;
/** Files of a folder that are read at once. */
const PARALLEL_READS = 16;

/** What a read needs of its caller: a watch, which gets events, or a single read. */
export interface Observer {
  readonly signal: AbortSignal;
  readonly timing: Timing;
  place(places: Places): Promise<void>;
  /** Whether there was an event since the last call. */
  takeChanged(): boolean;
}

/** For a single read, which gets no events. */
export function singleRead(signal: AbortSignal): Observer {
  return { signal, timing: holdingTiming, place: async () => {}, takeChanged: () => false };
}

/** A single read keeps the process running: a caller waits for it. */
const holdingTiming: Timing = {
  ...systemTiming,
  schedule: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Reads a path that is at rest: unchanged for a while before the read, and still unchanged after it.
 * @returns the result of `use`, or the trouble at the path. Trouble must be at rest, too: many editors move a file away
 *   before they write the new one.
 * @throws WatchError UNREADABLE if the path does not come to rest; the signal's reason when aborted.
 */
export async function readSettled<T>(
  path: string,
  observer: Observer,
  use: (look: PathLook) => Promise<T>,
): Promise<{ readonly look: PathLook; readonly result: T | WatchError }> {
  const { signal, timing } = observer;
  const patientUntil = timing.now() + PATIENCE_MS;
  observer.takeChanged();
  let look = await lookAt(path);
  while (timing.now() < patientUntil) {
    await observer.place(look.places);
    const isLongAgo = timing.wallNow() - look.changedAt > LONG_AGO_MS;
    if (!isLongAgo) await delay(timing, SETTLE_MS, signal);
    signal.throwIfAborted();
    const rested = isLongAgo ? look : await lookAt(path);
    if (observer.takeChanged() || rested.print !== look.print) {
      look = rested;
      continue;
    }
    const result = await attempt(path, () => use(rested));
    look = await lookAt(path);
    if (!observer.takeChanged() && look.print === rested.print) return { look, result };
  }
  throw unreadable(
    path,
    'it keeps changing, so it may be half-written; replace it atomically (write another file, then rename it)',
  );
}

async function attempt<T>(path: string, use: () => Promise<T>): Promise<T | WatchError> {
  try {
    return await use();
  } catch (error) {
    return error instanceof WatchError ? error : readFailure(path, error);
  }
}

/**
 * Reads the keys and values of what was found.
 * @throws WatchError UNREADABLE, FORBIDDEN; a system error if files vanished meanwhile.
 */
export async function contentOf(path: string, { found }: PathLook): Promise<Map<string, Uint8Array>> {
  switch (found.type) {
    case 'trouble':
      throw found.error;
    case 'document':
      return parseDocument(path, await readFile(fsPath(found.path)));
    case 'folder':
      return readFiles(found.files);
  }
}

async function readFiles(files: ReadonlyMap<string, string>): Promise<Map<string, Uint8Array>> {
  const entries = new Map<string, Uint8Array>();
  const left = [...files];
  while (left.length > 0) {
    const some = left.splice(0, PARALLEL_READS);
    const values = await Promise.all(some.map(([, path]) => readFile(fsPath(path))));
    for (const [index, [key]] of some.entries()) entries.set(key, values[index] as Uint8Array);
  }
  return entries;
}
