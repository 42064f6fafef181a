import { readFile } from 'node:fs/promises';
import { systemTiming, type Timing, WatchError } from '@rollcall/core';
import { delay } from '@rollcall/core/internal';
import { parseDocument } from '../document/document.js';
import { readFailure, unreadable } from '../document/errors.js';
import { lookAt, type PathLook } from './look.js';
import { fsPath, type Places } from './path.js';

/**
 * How long a file must have been left alone before it is believed, ms. A writer that truncates and then writes in
 * steps leaves, for a moment, a document that parses and lacks keys; nothing in the file tells it from a whole one.
 * Longer than the kernel's timestamp granularity (10 ms at HZ=100), so that no change hides behind an equal mtime.
 */
const SETTLE_MS = 50;
/**
 * What was last changed longer ago than this by the system's clock, ms, has been left alone already. Far above what the
 * clock of a file server is off.
 */
const LONG_AGO_MS = 10_000;
/** How long to wait for that, ms, before somebody is told. */
const PATIENCE_MS = 5_000;
/** Files of a folder read at once. */
const PARALLEL_READS = 16;

/** Who looks: a watch, which also hears of events, or a single read. */
export interface Observer {
  readonly signal: AbortSignal;
  readonly timing: Timing;
  place(places: Places): Promise<void>;
  /** Whether there was an event since the last call. */
  takeChanged(): boolean;
}

/** Looks by itself only. */
export function singleRead(signal: AbortSignal): Observer {
  return { signal, timing: holdingTiming, place: async () => {}, takeChanged: () => false };
}

/** Somebody waits for the answer of a single read, so the process must not end before it. */
const holdingTiming: Timing = {
  ...systemTiming,
  schedule: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Reads once nothing changes any more: unchanged for a while before the read, and still unchanged after it.
 * @returns what `use` made of the path; or the trouble there, which has to be settled too: many an editor moves a file
 *   away before it writes the new one.
 * @throws WatchError UNREADABLE when it does not come to rest; the signal's reason when aborted.
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
 * The keys and values of what was found.
 * @throws WatchError UNREADABLE, FORBIDDEN; a system error where the files went away meanwhile.
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
