import { WatchError } from '../model/errors.js';
import { untilAborted } from '../runtime/abort.js';
import { pull } from '../runtime/pull.js';
import type { FullRead, FullReadOptions, Source, Target } from './source.js';

/**
 * One full read with no retry. Leaves no watch behind. A source without `read` gives the first snapshot of a watch.
 * @throws WatchError when the backend cannot answer; for `at` UNSUPPORTED where it keeps no history, and as `Source.read`;
 *   the signal's reason as soon as it aborts.
 */
export async function readOnce(source: Source, target: Target, options: FullReadOptions): Promise<FullRead> {
  const { signal, at } = options;
  signal.throwIfAborted();
  if (at !== undefined && !source.supports.history) {
    const why = `This backend keeps no history, so it cannot be read at revision ${at}`;
    throw new WatchError('UNSUPPORTED', `${why}; one that does, such as etcd, can.`);
  }
  if (source.read !== undefined) return untilAborted(source.read(target, options), signal);
  let read: FullRead | undefined;
  await pull(source.watch(target, { signal }), signal, (update) => {
    if (update.type === 'trouble') throw update.error;
    if (update.type === 'snapshot') read = update;
    return read && 'enough';
  });
  if (read === undefined) throw new WatchError('ENDED', 'The backend ended the read without an answer.');
  return read;
}
