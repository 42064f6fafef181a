import { compareRevisions, type KeyMap, type Revision, WatchError } from '@rollcall/core';
import type { Resume, Target } from '@rollcall/core/adapter';
import type { RangeAnswer } from '../rpc/messages.js';
import { KeyNames, rangeOf } from '../rpc/range.js';
import type { RangeRequest } from '../rpc/requests.js';
import type { EtcdConnection } from './connection.js';
import { first, isSame } from './witness.js';

/** Up to this many keys are compared one by one: at most the first page of a list. */
const COMPARED_KEYS = 500;

interface WitnessState extends Resume {
  /** The entries at the cursor; if missing, only `proof` is compared. */
  readonly held: KeyMap | undefined;
}

/** The store's present state. */
export interface ProvenPresent {
  readonly revision: Revision;
  /** Whether nothing has changed since the cursor. */
  readonly isHeld: boolean;
}

/**
 * Reads for one transaction, and a check of their answers, which prove that the store had the held state at the cursor.
 */
interface WitnessQuery {
  readonly ranges: readonly RangeRequest[];
  /**
   * The number of keys now, and one key written after the cursor: the same number and no such key mean that nothing has
   * changed.
   */
  readonly now: readonly RangeRequest[];
  fits(answers: readonly WitnessAnswer[]): boolean;
}

type WitnessAnswer = RangeAnswer | undefined;

/**
 * Proves that the store had the held state at the cursor. A wiped and refilled node keeps its cluster id, member id and
 * term, so only content shows it.
 * @returns the store's present, from the same linearizable read; undefined if there was nothing to compare.
 * @throws WatchError OTHER_HISTORY; ROLLED_BACK if the store is behind the cursor; COMPACTED if the cursor's revision
 *   is gone.
 */
export async function prove(
  connection: EtcdConnection,
  target: Target,
  seen: WitnessState,
  signal: AbortSignal,
): Promise<ProvenPresent | undefined> {
  const question = questionOf(target, seen);
  if (question === undefined) return undefined;
  try {
    return await ask(connection, target, seen, question, signal);
  } catch (error) {
    const isTooLarge = error instanceof WatchError && error.code === 'TOO_LARGE';
    if (!isTooLarge || seen.proof === undefined) throw error;
    return ask(connection, target, seen, witness(target, seen.proof, seen.revision), signal);
  }
}

async function ask(
  connection: EtcdConnection,
  target: Target,
  seen: WitnessState,
  question: WitnessQuery,
  signal: AbortSignal,
): Promise<ProvenPresent> {
  const ranges = [...question.ranges, ...question.now];
  try {
    const { header, ranges: answers } = await connection.txn(ranges, { signal });
    if (!question.fits(answers)) throw otherHistory(connection.endpoint, seen.revision);
    const [all, newer] = answers.slice(question.ranges.length);
    const isHeld = all?.count === String(seen.held?.size) && newer?.kvs.length === 0;
    return { revision: header.revision, isHeld };
  } catch (error) {
    if (!(error instanceof WatchError) || error.code !== 'ROLLED_BACK') throw error;
    await assertReached(connection, target, seen.revision, signal);
    throw new WatchError('UNAVAILABLE', `etcd at ${connection.endpoint} lags behind its cluster.`, { cause: error });
  }
}

function questionOf(target: Target, { held, proof, revision }: WitnessState): WitnessQuery | undefined {
  if (held !== undefined && held.size <= COMPARED_KEYS) return allKeys(target, held, revision);
  return proof && witness(target, proof, revision);
}

function newerThan(range: RangeRequest, revision: Revision): RangeRequest {
  return { ...range, minModRevision: String(BigInt(revision) + 1n), keysOnly: true, limit: 1 };
}

/** Compares every key and value. */
function allKeys(target: Target, held: KeyMap, revision: Revision): WitnessQuery {
  const names = new KeyNames(target);
  const range = rangeOf(target);
  return {
    ranges: [{ ...range, revision, limit: held.size + 1 }],
    now: [{ ...range, countOnly: true }, newerThan(range, revision)],
    fits: ([found]) =>
      found?.kvs.length === held.size && [...found.kvs].every((kv) => isSame(kv, held.get(names.relative(kv)))),
  };
}

/**
 * Compares the newest key, that no key is newer, and the number of keys. A store that differs in older keys only
 * passes.
 */
function witness(target: Target, { newest, count }: NonNullable<Resume['proof']>, revision: Revision): WitnessQuery {
  const range = { ...rangeOf(target), revision };
  const counted = { ...range, countOnly: true };
  if (newest?.entry.revision === undefined) {
    return { ranges: [counted], now: [], fits: ([all]) => all?.count === String(count) };
  }
  return {
    // The search for newer keys makes the server load the whole range: once is enough.
    now: [],
    ranges: [
      counted,
      { key: new KeyNames(target).absolute(newest.key), revision },
      newerThan(range, newest.entry.revision),
    ],
    fits: ([all, found, later]) =>
      all?.count === String(count) && isSame(first(found), newest.entry) && later?.kvs.length === 0,
  };
}

/**
 * Asks the quorum (a linearizable read): a lagging member answers as if the store were younger.
 * @throws WatchError ROLLED_BACK if the store is behind the revision.
 */
export async function assertReached(
  connection: EtcdConnection,
  target: Target,
  revision: Revision,
  signal: AbortSignal,
): Promise<void> {
  const { header } = await connection.range({ ...rangeOf(target), countOnly: true }, { signal });
  if (compareRevisions(header.revision, revision) >= 0) return;
  throw new WatchError(
    'ROLLED_BACK',
    `etcd at ${connection.endpoint} is at revision ${header.revision}, before ${revision}, which was seen: the store was wiped or restored.`,
  );
}

function otherHistory(endpoint: string, revision: Revision): WatchError {
  return new WatchError(
    'OTHER_HISTORY',
    `etcd at ${endpoint} had other keys at revision ${revision} than were seen: the store was wiped, restored or replaced.`,
  );
}
