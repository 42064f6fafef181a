import { compareRevisions, type Revision, WatchError } from '@rollcall/core';

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
  if (typeof header === 'string' && /^[1-9]\d*$/.test(header)) return header;
  const what = header === undefined ? 'has no X-Consul-Index' : `has the X-Consul-Index ${JSON.stringify(header)}`;
  throw new WatchError(
    'BAD_RESPONSE',
    `The answer of ${endpoint} ${what}: a proxy, a load balancer or another service may answer in Consul's place.`,
  );
}

export interface Poll {
  /** The index that was blocked on; undefined for a plain read, which gave none. */
  readonly asked: Revision | undefined;
  readonly index: Revision;
  /** Whether items that were there are not in the answer, so that access rules may have hidden them. */
  readonly lost: boolean;
}

/**
 * What an answer is worth. `changed`: believe it. `unchanged`: nothing happened, whatever its body says.
 * `backwards`: the index counts anew (a restored snapshot, reaped tombstones), so read anew, without an index.
 * `doubtful`: read anew too: only a plain read tells by a header that it was filtered by access rules, and a blocking
 * query on a service answers an empty list without one.
 */
export type Verdict = 'changed' | 'unchanged' | 'backwards' | 'doubtful';

export function judge({ asked, index, lost }: Poll): Verdict {
  if (asked === undefined) return 'changed';
  const order = compareRevisions(index, asked);
  if (order < 0) return 'backwards';
  if (lost) return 'doubtful';
  return order === 0 ? 'unchanged' : 'changed';
}
