import {
  compareRevisions,
  type KeyMap,
  type Resume,
  type Revision,
  systemTiming,
  type Target,
  type Update,
} from '@rollcall/core';
import { Assembler } from './assembler.js';
import type { Connection } from './connection.js';
import { list } from './list.js';
import { assertReached, prove } from './proof.js';
import { KeyNames } from './range.js';
import { WatchStream } from './stream.js';

/** A silent stream is asked for a sign of life after this, ms. */
const ASK_AFTER_MS = 10_000;
/**
 * Until a resumed watch has proven where it is it is asked more often: the server drops requests while a watch replays,
 * and it begins replays every 100 ms only.
 */
const FIRST_ASK_AFTER_MS = 125;
const ALIVE_EVERY_MS = 1_000;

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
  const alive = new AliveLimit();
  const cursor = from?.revision ?? (yield* takeSnapshot(attempt, alive));
  // From the cursor, not the revision after it: a watch whose start is still to come gets no progress replies, so an idle
  // one could never prove that it lives.
  const { stream, createdAt } = await WatchStream.open(connection, target, cursor, signal);
  try {
    yield* alive.now();
    // With the stream open: proof and events then come from the same run of the server, or the stream breaks.
    if (from !== undefined) await prove(connection, target, { ...from, held }, signal);
    if (compareRevisions(createdAt, cursor) < 0) await assertReached(connection, target, cursor, signal);
    attempt.onWatching();
    return yield* follow(stream, target, { cursor, resumed: from !== undefined, alive });
  } finally {
    stream.close();
  }
}

/** @returns the snapshot's revision; the entries are not kept. */
async function* takeSnapshot(
  { connection, target, signal }: Attempt,
  alive: AliveLimit,
): AsyncGenerator<Update, Revision> {
  const pages = list(connection, target, { signal });
  for (;;) {
    const page = await pages.next();
    if (!page.done) {
      yield* alive.now();
      continue;
    }
    const { revision, clusterId, entries } = page.value;
    yield { type: 'snapshot', revision, entries, identity: clusterId };
    return revision;
  }
}

async function* follow(
  stream: WatchStream,
  target: Target,
  { cursor, resumed, alive }: { readonly cursor: Revision; readonly resumed: boolean; readonly alive: AliveLimit },
): AsyncGenerator<Update, never> {
  const assembler = new Assembler(new KeyNames(target));
  let askAfterMs = ASK_AFTER_MS;
  if (resumed) {
    stream.requestProgress();
    askAfterMs = FIRST_ASK_AFTER_MS;
  }
  for (;;) {
    const answer = await stream.next(askAfterMs);
    if (answer === undefined) {
      stream.requestProgress();
      askAfterMs = Math.min(askAfterMs * 2, ASK_AFTER_MS);
      continue;
    }
    const deltas = assembler.push(answer).filter(({ revision }) => compareRevisions(revision, cursor) > 0);
    yield* deltas;
    const isProgress = answer.watchId === '-1' && answer.events.length === 0;
    if (isProgress) yield { type: 'bookmark', revision: answer.header.revision };
    if (isProgress || deltas.length > 0) askAfterMs = ASK_AFTER_MS;
    else yield* alive.now();
  }
}

/** Lets one `alive` through a second. */
class AliveLimit {
  #last = Number.NEGATIVE_INFINITY;

  *now(): Generator<Update> {
    const now = systemTiming.now();
    if (now - this.#last < ALIVE_EVERY_MS) return;
    this.#last = now;
    yield { type: 'alive' };
  }
}
