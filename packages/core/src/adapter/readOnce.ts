import { WatchError } from '../model/errors.js';
import type { Revision } from '../model/revision.js';
import type { Entry } from '../model/types.js';
import type { Source, Target } from './source.js';

/** What one read found, in the backend's order. */
export interface Found {
  readonly revision: Revision;
  /** Keys are relative to the target's prefix. */
  readonly entries: Iterable<readonly [string, Entry]>;
}

/**
 * One full read with no retry and no watch left behind. A source that has no read of its own gives the first state of
 * a watch.
 * @param options `at`: a revision of the past instead of the present.
 * @throws WatchError when the backend cannot answer; for `at` UNSUPPORTED where it keeps no history, and as `Source.read`.
 */
export async function readOnce(
  source: Source,
  target: Target,
  options: { readonly signal: AbortSignal; readonly at?: Revision; readonly keysOnly?: boolean },
): Promise<Found> {
  if (options.at !== undefined && !source.supports.history) {
    const why = `This backend keeps no history, so it cannot be read at revision ${options.at}`;
    throw new WatchError('UNSUPPORTED', `${why}; one that does, such as etcd, can.`);
  }
  if (source.read !== undefined) return source.read(target, options);
  // Its iterator's return() ends the watch.
  for await (const update of source.watch(target, { signal: options.signal })) {
    if (update.type === 'trouble') throw update.error;
    if (update.type === 'snapshot') return update;
  }
  options.signal.throwIfAborted();
  throw new WatchError('ENDED', 'The backend ended the read without an answer.');
}
