import { readOnce } from '../adapter/readOnce.js';
import type { Source, Target, Update } from '../adapter/source.js';
import type { Revision } from '../model/revision.js';

/**
 * The state at a past revision, as the one snapshot of a watch.
 * @throws WatchError as `readOnce`.
 */
export async function* stateAt(
  source: Source,
  target: Target,
  at: Revision,
  signal: AbortSignal,
): AsyncGenerator<Extract<Update, { type: 'snapshot' }>> {
  const { revision, entries } = await readOnce(source, target, { signal, at });
  yield { type: 'snapshot', revision, entries };
}
