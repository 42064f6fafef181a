import { compareRevisions, type KeyMap, type Logger, type Revision, type Update } from '@rollcall/core';
import { follow } from '../http/abort.js';
import type { Cluster, Lease } from '../http/cluster.js';
import { type Consistency, isLenient, SETTLING, type Standing } from '../http/consistency.js';
import { type Known, NOTHING, sameEntries } from '../queries/entries.js';
import { type Asked, type Asking, ask } from './ask.js';
import { Doubt } from './doubt.js';
import { judge } from './indexRules.js';
import type { Lanes } from './lanes.js';
import { Pace } from './pace.js';

export interface Watching extends Asking {
  readonly cluster: Cluster;
  readonly lanes: Lanes;
  readonly consistency: Consistency;
  /** The longest wait of one blocking query. */
  readonly waitMs: number;
  readonly logger: Logger;
}

type Answered = Asked & {
  /** Long before the wait was over. */
  readonly early: boolean;
};

interface Turn {
  /** The pause before it. */
  readonly pauseMs: number;
  readonly signal: AbortSignal;
}

/**
 * One watch: a plain read, then blocking queries on the index of the last answer, all on one endpoint, paced, until the
 * first failure. Written by hand because a generator's `return()` hangs while its `next()` waits.
 */
export class BlockingWatch implements AsyncIterableIterator<Update> {
  readonly #watching: Watching;
  readonly #pace: Pace;
  /** Aborts when the caller aborts, at `return()`, and when the watch fails: nothing comes after. */
  readonly #end: AbortController;
  #lease: Lease | undefined;
  /** What the next query blocks on; undefined asks for a plain read, which settles what the last answer left open. */
  #index: Revision | undefined;
  #doubt: Doubt | undefined;
  /** The index of the last answer that was told. */
  #told: Revision | undefined;
  /** Its entries, to notice what is lost, and to yield the same objects for what is unchanged. */
  #known: Known;
  /** The index of an agent's own answer that a plain read settles: on the servers nothing may have reached it. */
  #agentsIndex: Revision | undefined;
  /** Whether the last blocking answer was as young as it must be. */
  #young = false;
  /** When the last answer came that proved its age. */
  #provenAt = 0;
  /** When the last update was yielded. */
  #updatedAt: number | undefined;

  constructor(watching: Watching, signals: readonly AbortSignal[], held: KeyMap | undefined) {
    this.#watching = watching;
    this.#pace = new Pace(watching.timing, watching.waitMs / 2);
    this.#end = follow(...signals);
    this.#known = held ?? NOTHING;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Update, undefined>> {
    const { signal } = this.#end;
    try {
      while (!signal.aborted) {
        const update = await this.#poll(signal);
        if (update === undefined || signal.aborted) continue;
        this.#updatedAt = this.#watching.timing.now();
        return { done: false, value: update };
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#end.abort();
        throw this.#lease === undefined ? error : this.#watching.cluster.failed(this.#lease, error);
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Update, undefined>> {
    this.#end.abort();
    return { done: true, value: undefined };
  }

  async #poll(signal: AbortSignal): Promise<Update | undefined> {
    const { cluster, query, consistency, lanes, timing } = this.#watching;
    if (this.#lease === undefined) {
      lanes.join(signal);
      this.#lease = await cluster.lease();
      this.#doubt = new Doubt(this.#lease.connection.endpoint);
    }
    const pauseMs = await this.#pace.turn(signal);
    const asked = this.#index;
    const answer = await this.#ask(this.#lease, asked, { pauseMs, signal });
    cluster.succeeded(this.#lease);
    this.#pace.spent(answer.costMs);
    const { index, early } = answer;
    const standing = this.#standing(answer, timing.now());
    const lost = query.lost(this.#known, answer.entries);
    const poll = { asked, index, lost, standing, early, lenient: isLenient(consistency.mode) };
    const verdict = judge(poll);
    if (asked !== undefined) this.#young = verdict !== 'weak';
    if (this.#doubt?.about(verdict, poll)) {
      this.#index = undefined;
      this.#agentsIndex = answer.agentsOwn ? index : undefined;
      return undefined;
    }
    return verdict === 'changed' ? this.#tell(answer) : { type: 'bookmark', revision: index };
  }

  /** Who takes turns with others asks often, and proves what nothing contradicts no more often than who does not. */
  #standing({ standing }: Asked, now: number): Standing {
    if (standing === 'proven') this.#provenAt = now;
    const lately = now - this.#provenAt < this.#watching.waitMs / 2;
    return standing === 'unproven' && lately ? 'proven' : standing;
  }

  async #ask(lease: Lease, index: Revision | undefined, { pauseMs, signal }: Turn): Promise<Answered> {
    const { consistency, lanes, timing } = this.#watching;
    const given = { known: this.#known, signal, holds: false };
    if (index === undefined) {
      const strict = { ...consistency, mode: SETTLING };
      const asking = { ...this.#watching, answerMs: this.#answerMs() };
      return { ...(await ask(asking, lease, { ...given, consistency: strict })), early: false };
    }
    return lanes.run(signal, async () => {
      const block = { index, waitMs: lanes.waitMs(this.#waitMs(pauseMs)) };
      const sentAt = timing.now();
      const answer = await ask(this.#watching, lease, { ...given, consistency, block });
      // An agent ends its own queries as it likes; what it has is proven in other ways.
      return { ...answer, early: !answer.agentsOwn && timing.now() - sentAt < block.waitMs / 2 };
    });
  }

  /** A plain read after a blocking query shares its time: the core takes a longer silence for a dead link. */
  #answerMs(): number {
    const { answerMs, blockedMs, timing } = this.#watching;
    if (this.#updatedAt === undefined) return answerMs;
    return Math.max(1, Math.min(answerMs, blockedMs - (timing.now() - this.#updatedAt)));
  }

  #waitMs(pauseMs: number): number {
    const { waitMs, consistency } = this.#watching;
    // The pause is a part of the silence that the core allows.
    const restMs = Math.max(waitMs - pauseMs, waitMs / 2);
    // Who may be behind is asked at short intervals until he is seen not to be.
    return isLenient(consistency.mode) && !this.#young ? Math.min(restMs, consistency.maxStaleMs) : restMs;
  }

  #tell({ index, entries, malformed }: Asked): Update {
    const { query, logger } = this.#watching;
    if (malformed > 0) logger.debug({ malformed }, `Left out ${malformed} items of ${query.what} that make no sense.`);
    const told = this.#told;
    const same = told !== undefined && sameEntries(this.#known, entries);
    // What the servers confirm, they confirm up to where the agent was.
    const reached = same ? laterOf(index, this.#agentsIndex) : index;
    const nothingNew = same && laterOf(reached, told) === reached;
    this.#agentsIndex = undefined;
    this.#index = reached;
    this.#told = reached;
    this.#known = entries;
    if (nothingNew) return { type: 'bookmark', revision: reached };
    return { type: 'snapshot', revision: reached, entries: this.#pace.charging(entries) };
  }
}

function laterOf(index: Revision, other: Revision | undefined): Revision {
  return other !== undefined && compareRevisions(other, index) > 0 ? other : index;
}
