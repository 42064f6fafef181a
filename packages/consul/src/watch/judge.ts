import { compareRevisions, type Revision, WatchError } from '@rollcall/core';
import type { Standing } from '../http/consistency.js';

/**
 * Rules for X-Consul-Index (https://developer.hashicorp.com/consul/api-docs/features/blocking). The index orders the
 * answers to one query, and nothing else. The largest ModifyIndex of the items is no index to block on, because a delete
 * does not raise it: the query would return at once, and spin.
 */

/** What is known of one answer when it is judged. */
export interface Evidence {
  /** The index that the query blocked on; undefined for a plain read. */
  readonly blockedOn: Revision | undefined;
  readonly index: Revision;
  /** Whether so many known items are missing that a plain read must confirm it: see `Query.lost`. */
  readonly lost: boolean;
  readonly standing: Standing;
  /** Whether it came long before the wait was over. */
  readonly early: boolean;
  /** Whether the URL allows old answers, so that a later answer may be older than an earlier one. */
  readonly lenient: boolean;
}

/**
 * - `changed`: the answer is accepted: any plain read, or a blocking answer with a higher index.
 * - `unchanged`: nothing has changed, whatever the body says.
 *
 * All others need a plain read (without `index`) before anything is believed:
 * - `backwards`: the index is lower than before, and the URL allows no old answers. A snapshot was restored, or Consul
 *   removed old tombstones.
 * - `doubtful`: items are missing. A blocking query on a service leaves out, without a header that says so, the
 *   instances that an access rule hides; a plain read has the header. Other queries are doubtful if their list became
 *   empty.
 * - `weak`: the answer may be older than the URL allows; or, if the URL allows old answers, it is older than the one
 *   before.
 * - `unproven`: the answer has nothing new, and that proves nothing: it came from the cache of an agent or a proxy
 *   (`Standing`), or too early. After a restore, Consul ends a blocked query early with the old index and content.
 */
export type Verdict = 'changed' | 'unchanged' | 'backwards' | 'doubtful' | 'weak' | 'unproven';

export function judge({ blockedOn, index, lost, standing, early, lenient }: Evidence): Verdict {
  if (blockedOn === undefined) return 'changed';
  if (standing === 'weak') return 'weak';
  const order = compareRevisions(index, blockedOn);
  if (order < 0) return lenient ? 'weak' : 'backwards';
  if (lost) return 'doubtful';
  if (order > 0) return 'changed';
  return early || standing === 'unproven' ? 'unproven' : 'unchanged';
}

/**
 * Notices that plain and blocking queries contradict each other, as when one address leads to two clusters: two
 * blocking answers in a row are backwards or doubtful, and no answer between them explained the first. Without this the
 * watch would spin between the two kinds of query.
 */
export class Contradictions {
  readonly #endpoint: string;
  /**
   * The last backwards or doubtful answer. A plain read can explain a doubtful one; only a later good blocking answer
   * clears a backwards one.
   */
  #open: { readonly verdict: Verdict; readonly index: Revision } | undefined;

  /** @param endpoint `host:port`, named in the error. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /**
   * Takes note of an answer.
   * @returns whether a plain read must follow.
   * @throws WatchError BAD_RESPONSE for a contradiction.
   */
  mustConfirm(verdict: Verdict, { blockedOn, index, lost }: Evidence): boolean {
    const open = this.#open;
    if (verdict === 'weak') return true;
    if (verdict !== 'backwards' && verdict !== 'doubtful') {
      // A plain read explains missing items by missing them too, or by a change that came later.
      const explained = open?.verdict === 'doubtful' && (lost || compareRevisions(index, open.index) > 0);
      if (blockedOn !== undefined || explained) this.#open = undefined;
      return verdict === 'unproven';
    }
    if (open !== undefined) {
      throw new WatchError(
        'BAD_RESPONSE',
        `What ${this.#endpoint} answers to plain and to blocking queries does not agree: does one address lead to several clusters?`,
      );
    }
    this.#open = { verdict, index };
    return true;
  }
}
