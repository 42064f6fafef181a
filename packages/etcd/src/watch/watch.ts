import {
  compareRevisions,
  type KeyMap,
  type Resume,
  type Revision,
  systemTiming,
  type Target,
  type Update,
} from '@rollcall/core';
import { KeyNames } from '../rpc/range.js';
import type { Connection } from './connection.js';
import { deltasOf } from './deltas.js';
import { list } from './list.js';
import { assertReached, prove } from './proof.js';
import type { StreamWatch } from './streamWatch.js';

const ALIVE_EVERY_MS = 1_000;
/**
 * A server that catches a watch up sends at most so many revisions at once (etcd's watchBatchMaxRevs). With fewer, the
 * answer has all that there was up to its header's revision: enough to call the state current, not to move a cursor.
 */
const MOST_REVISIONS = 1_000;

export interface Attempt {
  readonly connection: Connection;
  readonly target: Target;
  readonly signal: AbortSignal;
  readonly from?: Resume | undefined;
  /** The entries at `from`. */
  readonly held?: KeyMap | undefined;
  /** Told when the watch stands. */
  onWatching(): void;
}

/** Lists or resumes, then follows. Ends by throwing only; on abort, the signal's reason. */
export async function* watch(attempt: Attempt): AsyncGenerator<Update, never> {
  const { connection, target, signal, from, held } = attempt;
  const cursor = from?.revision ?? (yield* takeSnapshot(attempt));
  // From the cursor, not the revision after it: a watch whose start is still to come gets no progress replies, and keeps
  // them from all others on the stream.
  const { stream, watch, createdAt } = await connection.watch(target, cursor, signal);
  try {
    yield { type: 'alive' };
    // With the stream open: proof and events then come from the same run of the server, or the stream breaks.
    const present = from && (await prove(connection, target, { ...from, held }, signal));
    if (compareRevisions(createdAt, cursor) < 0) await assertReached(connection, target, cursor, signal);
    attempt.onWatching();
    if (from !== undefined) stream.askSoon();
    // Progress may be long in coming, while another watch of the stream replays.
    if (present?.isHeld) yield { type: 'bookmark', revision: cursor };
    return yield* follow(watch, target, { cursor, present: present?.revision ?? cursor });
  } finally {
    watch.close();
  }
}

/** @returns the snapshot's revision; the entries are not kept. */
async function* takeSnapshot({ connection, target, signal }: Attempt): AsyncGenerator<Update, Revision> {
  const pages = list(connection, target, { signal });
  let toldAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    const page = await pages.next();
    if (page.done) {
      const { revision, clusterId, entries } = page.value;
      yield { type: 'snapshot', revision, entries, identity: clusterId };
      return revision;
    }
    if (systemTiming.now() - toldAt < ALIVE_EVERY_MS) continue;
    toldAt = systemTiming.now();
    yield { type: 'alive' };
  }
}

/** @param positions `present`: a revision that the store had reached before. */
async function* follow(
  watch: StreamWatch,
  target: Target,
  { cursor, present }: { readonly cursor: Revision; readonly present: Revision },
): AsyncGenerator<Update, never> {
  const names = new KeyNames(target);
  for (;;) {
    const told = await watch.next();
    if (told.type === 'alive') yield told;
    else if (told.type === 'progress') yield { type: 'bookmark', revision: told.revision };
    else {
      const { header, events } = told.answer;
      const deltas = deltasOf(events, names);
      const isWhole = deltas.length < MOST_REVISIONS && compareRevisions(header.revision, present) >= 0;
      for (const [index, delta] of deltas.entries()) {
        // The watch starts at the cursor, whose events are known.
        if (compareRevisions(delta.revision, cursor) <= 0) continue;
        const isLast = isWhole && index === deltas.length - 1;
        const behind = !isLast && compareRevisions(delta.revision, present) < 0;
        yield behind ? { ...delta, behind } : delta;
      }
    }
  }
}
