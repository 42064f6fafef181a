import { compareRevisions, type Revision, WatchError } from '@rollcall/core';
import type { Poll, Verdict } from './indexRules.js';

/**
 * Remembers a blocking answer that only a plain read can settle. When the next one cannot be believed either, and the
 * plain read between them explained nothing, the answers contradict each other: an error with its pace, not a loop.
 */
export class Doubt {
  readonly #endpoint: string;
  #open: { readonly verdict: Verdict; readonly index: Revision } | undefined;

  /** @param endpoint `host:port`, named in the error. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /**
   * Takes note of an answer.
   * @returns whether a plain read must settle it.
   * @throws WatchError BAD_RESPONSE.
   */
  about(verdict: Verdict, { asked, index, lost }: Poll): boolean {
    const open = this.#open;
    if (verdict === 'weak') return true;
    if (verdict !== 'backwards' && verdict !== 'doubtful') {
      // A plain read explains a loss by confirming it, or by a change that came after it.
      const explained = open?.verdict === 'doubtful' && (lost || compareRevisions(index, open.index) > 0);
      if (asked !== undefined || explained) this.#open = undefined;
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
