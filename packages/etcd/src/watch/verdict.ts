import { compareRevisions, type Revision } from '@rollcall/core';
import type { Resume, Target } from '@rollcall/core/adapter';
import { ANSWER_MS, PROOF_MS } from '../rpc/deadlines.js';
import type { RangeAnswer } from '../rpc/messages.js';
import { KeyNames, rangeOf } from '../rpc/range.js';
import type { RangeRequest } from '../rpc/requests.js';
import type { SharedReads } from './sharedReads.js';
import { first, isSame } from './witness.js';

/**
 * The most keys for this proof: the search for newer keys makes a server load the whole range, and more would take
 * longer than an answer may.
 */
const MANY_KEYS = 5_000;

/** What a read of the store shows about the held state. */
export type ReadVerdict =
  /** The store has exactly this state. */
  | { readonly type: 'same' }
  /** A key was written at this revision, after the held state: the stream should deliver it. */
  | { readonly type: 'newer'; readonly revision: Revision }
  /** No key is newer, but keys are gone or different: a delete is on its way, or it is another store. */
  | { readonly type: 'different' };

/**
 * Proves a watch's state by a read. Used if the stream cannot: what stands between drops progress requests, or the
 * server's version answers them wrongly.
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

/** Reads the number of keys, a key written since, and the newest held key. */
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
