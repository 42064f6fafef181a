import { compareRevisions, type Revision, WatchError } from '@rollcall/core';
import type { Standing } from '../http/consistency.js';

/**
 * The rules for X-Consul-Index (https://developer.hashicorp.com/consul/api-docs/features/blocking): it orders answers to
 * one query and nothing else. Which items changed is told by their ModifyIndex; the largest ModifyIndex is no
 * index to block on, because a delete does not raise it.
 */

/**
 * The answer's index, at least 1. Never a JavaScript number: it counts to 2^64.
 * @throws WatchError BAD_RESPONSE when it is missing or 0: to block on 0 is not to block at all.
 */
export function indexOf(header: string | readonly string[] | undefined, endpoint: string): Revision {
  if (isIndex(header)) return header;
  const what = header === undefined ? 'has no X-Consul-Index' : `has the X-Consul-Index ${JSON.stringify(header)}`;
  throw new WatchError(
    'BAD_RESPONSE',
    `The answer of ${endpoint} ${what}: a proxy, a load balancer or another service may answer in Consul's place.`,
  );
}

export function isIndex(header: unknown): header is Revision {
  return typeof header === 'string' && /^[1-9]\d*$/.test(header);
}

export interface Poll {
  /** The index that was blocked on; undefined for a plain read, which gave none. */
  readonly asked: Revision | undefined;
  readonly index: Revision;
  /** Whether items that were there are not in the answer, so that access rules may have hidden them. */
  readonly lost: boolean;
  readonly standing: Standing;
  /** Whether it came long before the wait was over. */
  readonly early: boolean;
  /** Whether answers may be old, so that the next one may be older. */
  readonly lenient: boolean;
}

/**
 * What an answer is worth. `changed`: believe it. `unchanged`: nothing happened, whatever its body says. All others ask
 * for a plain read. `backwards`: the index counts anew (a restored snapshot, reaped tombstones). `doubtful`: only a
 * plain read tells by a header that it was filtered by access rules, and a blocking query on a service answers an empty
 * list without one. `weak`: it may be older than was asked for. `unproven`: it has nothing new, which proves nothing; a
 * restored snapshot ends a blocked query early, with the index and the content of before.
 */
export type Verdict = 'changed' | 'unchanged' | 'backwards' | 'doubtful' | 'weak' | 'unproven';

export function judge({ asked, index, lost, standing, early, lenient }: Poll): Verdict {
  if (asked === undefined) return 'changed';
  if (standing === 'weak') return 'weak';
  const order = compareRevisions(index, asked);
  if (order < 0) return lenient ? 'weak' : 'backwards';
  if (lost) return 'doubtful';
  if (order > 0) return 'changed';
  return early || standing === 'unproven' ? 'unproven' : 'unchanged';
}
