import { compareRevisions, type Revision } from '@rollcall/core';
import type { Resume, Target } from '@rollcall/core/adapter';
import { ANSWER_MS, PROOF_MS } from '../rpc/deadlines.js';
import type { RangeAnswer } from '../rpc/messages.js';
import { KeyNames, rangeOf } from '../rpc/range.js';
import type { RangeRequest } from '../rpc/requests.js';
import type { SharedReads } from './sharedReads.js';
import { first, isSame } from './witness.js';

/** To look for newer keys a server loads the whole range: so many take longer than an answer may that tells of silence. */
const MANY_KEYS = 5_000;

/** What a read of the store's present says of a state that is held. */
export type ReadVerdict =
  /** The store has just this, and had no other since. */
  | { readonly type: 'same' }
  /** A key was put at this revision, after the state that is held: the stream is to tell it. */
  | { readonly type: 'newer'; readonly revision: Revision }
  /** No key is newer, but some are gone or others: a delete is on its way, or the store is another one. */
  | { readonly type: 'different' };

/**
 * Proves by a read that what a watch holds is what the store has: where the stream cannot say so, because what stands
 * between drops requests for progress, or the server's version answers them wrongly.
 * @throws WatchError when the store cannot be read; the signal's reason.
 */
export async function verdictOn(
  reads: SharedReads,
  { target, held, signal }: { readonly target: Target; readonly held: Resume; readonly signal: AbortSignal },
): Promise<ReadVerdict> {
  const asked = rangesOf(target, held);
  const deadlineMs = (held.proof?.count ?? 0) > MANY_KEYS ? ANSWER_MS : PROOF_MS;
  const { ranges } = await reads.read({ count: asked.length, ranges: () => asked, signal, deadlineMs });
  return verdictOf(held, ranges);
}

/** How many there are, what was put since, and the newest of those that are held. */
function rangesOf(target: Target, held: Resume): RangeRequest[] {
  const range = rangeOf(target);
  const newest = held.proof?.newest;
  return [
    { ...range, countOnly: true },
    { ...range, minModRevision: String(BigInt(held.revision) + 1n), keysOnly: true, limit: 1 },
    ...(newest === undefined ? [] : [{ key: new KeyNames(target).absolute(newest.key) }]),
  ];
}

function verdictOf(held: Resume, [all, newer, newest]: readonly RangeAnswer[]): ReadVerdict {
  const put = first(newer)?.modRevision;
  if (put !== undefined && compareRevisions(put, held.revision) > 0) return { type: 'newer', revision: put };
  const { count, newest: known } = held.proof ?? { count: 0 };
  const same = all?.count === String(count) && (known === undefined || isSame(first(newest), known.entry));
  return { type: same ? 'same' : 'different' };
}
