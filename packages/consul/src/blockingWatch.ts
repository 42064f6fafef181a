import type { Entry, KeyMap, Logger, Revision, Timing, Update } from '@rollcall/core';
import { follow } from './abort.js';
import { type Answer, readAnswer } from './answer.js';
import type { Cluster, Lease } from './cluster.js';
import { Doubt } from './doubt.js';
import { judge } from './indexRules.js';
import { Pace } from './pace.js';
import type { Known, Query } from './query.js';

export interface Asking {
  readonly cluster: Cluster;
  readonly query: Query;
  /** Without a token. */
  readonly anonymous: boolean;
  /** The longest wait of one blocking query. */
  readonly waitMs: number;
  /** The longest wait for an answer that does not block. */
  readonly answerMs: number;
  /** The longest wait for one that does. */
  readonly blockedMs: number;
  readonly timing: Timing;
  readonly logger: Logger;
}

/**
 * One watch: a plain read, then blocking queries on the index of the last answer, all on one endpoint, paced, until the
 * first failure. Written by hand because a generator's `return()` hangs while its `next()` waits.
 */
export class BlockingWatch implements AsyncIterableIterator<Update> {
  readonly #asking: Asking;
  readonly #pace: Pace;
  /** Aborts when the caller aborts, at `return()`, and when the watch fails: nothing comes after. */
  readonly #end: AbortController;
  #lease: Lease | undefined;
  /** What the next query blocks on; undefined asks for a plain read. */
  #index: Revision | undefined;
  #doubt: Doubt | undefined;
  /** The last answer: to notice what is lost, and to yield the same objects for what is unchanged. */
  #known: Known;

  constructor(asking: Asking, signals: readonly AbortSignal[], held: KeyMap | undefined) {
    this.#asking = asking;
    this.#pace = new Pace(asking.timing);
    this.#end = follow(...signals);
    this.#known = held ?? new Map<string, Entry>();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Update, undefined>> {
    const { signal } = this.#end;
    try {
      while (!signal.aborted) {
        const update = await this.#poll(signal);
        if (update !== undefined && !signal.aborted) return { done: false, value: update };
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#end.abort();
        throw this.#lease === undefined ? error : this.#asking.cluster.failed(this.#lease, error);
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Update, undefined>> {
    this.#end.abort();
    return { done: true, value: undefined };
  }

  async #poll(signal: AbortSignal): Promise<Update | undefined> {
    const { cluster } = this.#asking;
    this.#lease ??= await cluster.lease();
    await this.#pace.turn(signal);
    const asked = this.#index;
    const answer = await ask(this.#asking, this.#lease, { index: asked, signal, holds: false });
    cluster.succeeded(this.#lease);
    const poll = { asked, index: answer.index, lost: this.#asking.query.lost(this.#known, answer.entries) };
    const verdict = judge(poll);
    this.#doubt ??= new Doubt(this.#lease.connection.endpoint);
    if (this.#doubt.about(verdict, poll)) {
      this.#index = undefined;
      return undefined;
    }
    return verdict === 'changed' ? this.#snapshot(answer) : { type: 'bookmark', revision: answer.index };
  }

  #snapshot({ index, entries, malformed }: Answer): Update {
    const { query, logger } = this.#asking;
    if (malformed > 0) logger.debug({ malformed }, `Left out ${malformed} items of ${query.what} that make no sense.`);
    this.#index = index;
    this.#known = keepKnown(query, this.#known, entries, index);
    return { type: 'snapshot', revision: index, entries: this.#known };
  }
}

interface Ask {
  /** Blocks on it; undefined for a plain read. */
  readonly index?: Revision | undefined;
  readonly signal: AbortSignal;
  /** Whether the process must not end before the answer is there. */
  readonly holds: boolean;
}

/** One query. @throws the signal's reason, or WatchError. */
export async function ask(
  { query, anonymous, waitMs, answerMs, blockedMs, timing }: Asking,
  { connection }: Lease,
  { index, ...limits }: Ask,
): Promise<Answer> {
  const block = index === undefined ? {} : { index, wait: `${waitMs}ms` };
  const timeoutMs = index === undefined ? answerMs : blockedMs;
  const reply = await connection.call((client, options) => query.send(client, { ...options, ...block }), {
    ...limits,
    timeoutMs,
  });
  return readAnswer(reply, { query, endpoint: connection.endpoint, anonymous, wallNow: timing.wallNow() });
}

function keepKnown(
  query: Query,
  known: Known,
  entries: ReadonlyMap<string, Entry>,
  index: Revision,
): Map<string, Entry> {
  const kept = new Map<string, Entry>();
  for (const [key, entry] of entries) {
    const before = known.get(key);
    kept.set(key, before !== undefined && query.same(before, entry, index) ? before : entry);
  }
  return kept;
}
