import { compareRevisions, type KeyMap, type Revision, WatchError } from '@rollcall/core';
import type { Delta, QuietUpdate, Resume, Target, Update } from '@rollcall/core/adapter';
import { admission } from '@rollcall/core/internal';
import type { WatchAnswer } from '../rpc/messages.js';
import { KeyNames } from '../rpc/range.js';
import { toWatchError } from '../rpc/status.js';
import type { EtcdConnection, OpenWatch } from './connection.js';
import { deltasOf } from './deltas.js';
import { type ListResult, list } from './list.js';
import { assertReached, prove } from './proof.js';
import { verdictOn } from './verdict.js';

const ALIVE_EVERY_MS = 1_000;
/**
 * The most revisions that a server sends at once while a watch catches up (etcd's watchBatchMaxRevs). An answer with
 * fewer revisions has everything up to its header's revision, so the status may become live. The cursor moves only to
 * the last delta: etcd promises delivery up to a header's revision only for progress replies.
 */
const MOST_REVISIONS = 1_000;
/** A resumed watch that nothing else has proven after this time, ms, is proven by a read. */
const PROVE_AFTER_RESUME_MS = 1_000;

export interface WatchAttempt {
  readonly connection: EtcdConnection;
  readonly target: Target;
  readonly signal: AbortSignal;
  readonly from?: Resume | undefined;
  /** The entries at `from`. */
  readonly held?: KeyMap | undefined;
  /** The core's present cursor. */
  readonly present?: (() => Resume | undefined) | undefined;
  /** Takes a quiet update while the next one is waited for. */
  readonly tell?: ((update: QuietUpdate) => void) | undefined;
  /** Called when the watch is established. */
  onWatching(): void;
}

/** Lists or resumes, then follows. Ends only by throwing; on abort, the signal's reason. */
export async function* watch(attempt: WatchAttempt): AsyncGenerator<Update, never> {
  const { connection } = attempt;
  let watching: OpenWatch | undefined;
  const turn: StartSlot = { leave: () => {} };
  try {
    if (attempt.from !== undefined) turn.leave = yield* admitted(attempt);
    const listing = attempt.from === undefined ? yield* takeList(attempt, turn) : undefined;
    const cursor = listing?.revision ?? attempt.from?.revision ?? '';
    // The watch starts at the cursor itself and not after it: a watch with a future start gets no progress replies, and
    // keeps them from all other watches of the stream.
    watching = await connection.watch(attempt.target, cursor, attempt);
    const present = listing === undefined ? yield* resume(attempt, watching) : yield* begin(attempt, watching, listing);
    if (watching.watch.overflowed) {
      // Too many events arrived before anyone read the watch: while the history was compared or the snapshot was taken.
      const { watch: overflowed } = watching;
      watching = await connection.watch(attempt.target, cursor, attempt);
      overflowed.close();
    }
    attempt.onWatching();
    turn.leave();
    return yield* follow(attempt, watching, { cursor, present });
  } finally {
    turn.leave();
    watching?.watch.close();
  }
}

/** Waits for a slot, because only so many watches may begin at once. @returns frees the slot. */
function admitted({ connection, signal }: WatchAttempt): AsyncGenerator<Update, () => void> {
  return admission(connection.admission, { signal, timing: connection.timing, everyMs: ALIVE_EVERY_MS });
}

/** The slot of a watch that begins, once it has one. */
interface StartSlot {
  leave(): void;
}

/**
 * Lists the target. A list of one page needs no slot: `list` yields only between pages, and the first page is read
 * together with those of other watches.
 */
async function* takeList(attempt: WatchAttempt, turn: StartSlot): AsyncGenerator<Update, ListResult> {
  const { connection, target, signal } = attempt;
  const { timing } = connection;
  const pages = list(connection, target, { signal });
  let toldAt = Number.NEGATIVE_INFINITY;
  let entered = false;
  for (;;) {
    const page = await pages.next();
    if (page.done) return page.value;
    if (!entered) turn.leave = yield* admitted(attempt);
    entered = true;
    if (timing.now() - toldAt < ALIVE_EVERY_MS) continue;
    toldAt = timing.now();
    yield { type: 'alive' };
  }
}

/**
 * Yields the list, now that a watch of the same store stands behind it. @returns a revision that the store had reached.
 */
async function* begin(
  { connection, target, signal }: WatchAttempt,
  { stream, watch, created }: OpenWatch,
  { revision, entries, clusterId, asOf }: ListResult,
): AsyncGenerator<Update, Revision> {
  const isNamed = created.clusterId !== '0';
  if (isNamed && compareRevisions(created.revision, revision) < 0) {
    await assertReached(connection, target, revision, signal);
  }
  yield { type: 'snapshot', revision, entries, asOf, ...(clusterId !== '0' && { identity: clusterId }) };
  // A proxy names no cluster, and may have asked two servers: a read proves the state.
  if (!isNamed) stream.proveSoon(watch, 0);
  return revision;
}

/** Proves that the store still has the same history. @returns a revision that the store had reached. */
async function* resume(
  { connection, target, signal, from, held }: WatchAttempt,
  { stream, watch, created }: OpenWatch,
): AsyncGenerator<Update, Revision> {
  const { revision: cursor, identity, proof } = from as Resume;
  const { clusterId } = created;
  yield { type: 'alive' };
  if (clusterId !== '0' && identity !== undefined && clusterId !== identity) {
    const why = `etcd at ${connection.endpoint} is the cluster ${clusterId} now, and was ${identity} before`;
    throw new WatchError('OTHER_HISTORY', `${why}.`);
  }
  const asOf = connection.timing.now();
  // With the stream open: proof and events come from the same run of the server, or the stream breaks.
  const present = await prove(connection, target, { revision: cursor, ...(proof && { proof }), held }, signal);
  if (clusterId !== '0' && compareRevisions(created.revision, cursor) < 0) {
    await assertReached(connection, target, cursor, signal);
  }
  stream.askSoon();
  // A progress reply may take long, while another watch of the stream replays, and never comes behind some proxies.
  if (present?.isHeld) yield { type: 'bookmark', revision: cursor, asOf };
  else stream.proveSoon(watch, PROVE_AFTER_RESUME_MS);
  return present?.revision ?? cursor;
}

/** Follows an established watch. `present`: the store's revision when the watch was listed or resumed. */
async function* follow(
  attempt: WatchAttempt,
  watching: OpenWatch,
  { cursor, present }: { readonly cursor: Revision; readonly present: Revision },
): AsyncGenerator<Update, never> {
  const names = new KeyNames(attempt.target);
  const proof = new ReadProof(attempt, watching);
  for (;;) {
    const told = await watching.watch.next();
    if (told.type === 'alive' || told.type === 'bookmark') yield told;
    else if (told.type === 'unproven') {
      const bookmark = await proof.bookmark();
      yield bookmark ?? { type: 'alive' };
    } else {
      const deltas = freshDeltas(told.answer, { names, proof, cursor, present, endpoint: attempt.connection.endpoint });
      if (told.answer.events.length === 1) yield* deltas;
      else yield { type: 'deltas', deltas };
    }
  }
}

interface FollowContext {
  readonly names: KeyNames;
  readonly proof: ReadProof;
  /** The watch starts there: events up to it are known. */
  readonly cursor: Revision;
  /** The store's revision when the watch was listed or resumed: deltas below it are catching up. */
  readonly present: Revision;
  readonly endpoint: string;
}

/**
 * The new deltas of an answer; those up to `cursor` are left out. A delta below `present` is `behind`, except the last
 * one of an answer that has everything up to its header's revision.
 */
function* freshDeltas(
  { header, events }: WatchAnswer,
  { names, proof, cursor, present, endpoint }: FollowContext,
): Generator<Delta> {
  let last: Delta | undefined;
  let revisions = 0;
  const isBehind = (delta: Delta): boolean => compareRevisions(delta.revision, present) < 0;
  try {
    for (const delta of deltasOf(events, names)) {
      if (last !== undefined) yield isBehind(last) ? behind(last) : last;
      last = undefined;
      revisions++;
      proof.delivered(delta.revision);
      if (compareRevisions(delta.revision, cursor) > 0) last = delta;
    }
  } catch (error) {
    throw toWatchError(error, endpoint);
  }
  if (last === undefined) return;
  const isWhole = revisions < MOST_REVISIONS && compareRevisions(header.revision, present) >= 0;
  yield !isWhole && isBehind(last) ? behind(last) : last;
}

function behind({ revision, events }: Delta): Delta {
  return { type: 'delta', revision, events, behind: true };
}

/** Proves one watch by reads, and notices a stream that does not deliver what reads show. */
class ReadProof {
  readonly #attempt: WatchAttempt;
  readonly #watching: OpenWatch;
  #delivered: Revision = '0';
  /** What the last read showed and the stream had not delivered. */
  #missing: { readonly upTo: Revision } | undefined;

  constructor(attempt: WatchAttempt, watching: OpenWatch) {
    this.#attempt = attempt;
    this.#watching = watching;
  }

  delivered(revision: Revision): void {
    this.#delivered = revision;
  }

  /**
   * A bookmark at the core's position, if a read shows exactly that state; undefined while the stream may still deliver
   * a difference, or while the core holds no state.
   * @throws WatchError SILENT if nothing answers, or the stream has not delivered what an earlier read showed.
   */
  async bookmark(): Promise<Update | undefined> {
    const { connection, target, signal, present } = this.#attempt;
    const { stream, watch } = this.#watching;
    const held = present?.();
    if (held === undefined) return undefined;
    const asOf = connection.timing.now();
    const verdict = await verdictOn(connection.reads, { target, held, signal }).catch((error: unknown) => {
      throw silent(error, connection.endpoint);
    });
    if (verdict.type === 'same') {
      this.#missing = undefined;
      stream.proven(watch);
      return { type: 'bookmark', revision: held.revision, asOf };
    }
    const upTo = verdict.type === 'newer' ? verdict.revision : held.revision;
    if (this.#missing !== undefined && this.#isStillMissing(this.#missing.upTo, held.revision)) {
      const why = 'its stream does not bring the changes that its reads show';
      throw new WatchError('SILENT', `etcd at ${connection.endpoint} is out of step: ${why}.`);
    }
    this.#missing = { upTo };
    return undefined;
  }

  #isStillMissing(upTo: Revision, held: Revision): boolean {
    return compareRevisions(this.#delivered, upTo) < 0 && compareRevisions(held, upTo) <= 0;
  }
}

/** A read without an answer means that the link is dead. */
function silent(error: unknown, endpoint: string): unknown {
  if (!(error instanceof WatchError) || error.code !== 'TIMEOUT') return error;
  return new WatchError('SILENT', `etcd at ${endpoint} answers nothing any more: the link may be half-open.`, {
    cause: error,
  });
}
