import { compareRevisions, type Revision, WatchError } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { LinkedAbort } from '@rollcall/core/internal';
import { ANSWER_MS } from '../rpc/deadlines.js';
import { rangeOf } from '../rpc/range.js';
import type { EtcdConnection } from './connection.js';

interface PastRead {
  readonly target: Target;
  /** Undefined: the newest revision, which always exists. */
  readonly at?: Revision | undefined;
  readonly signal: AbortSignal;
}

/**
 * The result of a read. If its revision does not exist, the error says how far the history goes, which etcd's own does
 * not.
 * @throws WatchError COMPACTED with the oldest revision; ROLLED_BACK with the newest.
 */
export async function withinHistory<T>(connection: EtcdConnection, asked: PastRead, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof WatchError) || asked.at === undefined) throw error;
    if (error.code === 'COMPACTED') throw await explained(error, askOldest(connection, asked));
    if (error.code === 'ROLLED_BACK') throw await explained(error, askNewest(connection, asked, asked.at));
    throw error;
  }
}

/** A more precise error, or the error itself. */
async function explained(error: WatchError, asking: Promise<never>): Promise<WatchError> {
  const answer: unknown = await asking.catch((thrown: unknown) => thrown);
  return answer instanceof WatchError && answer.code === error.code ? answer : error;
}

/** Finds the oldest revision: only a watch is told it. A read at that revision works, and so does a watch after it. */
async function askOldest(connection: EtcdConnection, { target, signal }: PastRead): Promise<never> {
  using asking = new LinkedAbort(signal);
  const cancelTimer = connection.timing.schedule(ANSWER_MS, () => asking.abort());
  try {
    const { watch } = await connection.watch(target, '1', { signal: asking.signal });
    try {
      for (;;) await watch.next();
    } finally {
      watch.close();
    }
  } finally {
    cancelTimer();
  }
}

async function askNewest(connection: EtcdConnection, { target, signal }: PastRead, at: Revision): Promise<never> {
  const { header } = await connection.range({ ...rangeOf(target), countOnly: true }, { signal });
  const came = compareRevisions(header.revision, at) >= 0 ? 'came only now: ask again' : 'is still to come';
  const message = `etcd at ${connection.endpoint} is at revision ${header.revision}: revision ${at} ${came}.`;
  throw new WatchError('ROLLED_BACK', message);
}
