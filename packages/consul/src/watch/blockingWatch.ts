import { compareRevisions, type KeyMap, type Logger, type Revision, WatchError } from '@rollcall/core';
import type { Update } from '@rollcall/core/adapter';
import { LinkedAbort, type Pool } from '@rollcall/core/internal';
import type { ConsulConnection } from '../http/connection.js';
import { type Consistency, isLenient, SETTLING, type Standing } from '../http/consistency.js';
import { type Known, NOTHING, sameEntries } from '../queries/entries.js';
import type { BodyBudget, KeptBody } from '../queries/keptBody.js';
import { ask, type QueryResult, type Questioning } from './ask.js';
import { Doubt } from './doubt.js';
import { judge } from './indexRules.js';
import { type Lanes, LEAST_WAIT_MS } from './lanes.js';
import { Pace } from './pace.js';

/** While a watch waits for its turn it says so this often, ms: waiting is no silence. */
const ALIVE_EVERY_MS = 2_000;

export interface Watching extends Questioning {
  readonly pool: Pool<ConsulConnection>;
  readonly lanes: Lanes;
  readonly consistency: Consistency;
  /** The longest wait of one blocking query. */
  readonly waitMs: number;
  /** The longest time without an update, ms. */
  readonly silenceMs: number;
  /** Of the bodies that all watches of the source keep. */
  readonly bodies: BodyBudget;
  readonly logger: Logger;
  /** Called with the connection that gave an answer. */
  onAnswer(connection: ConsulConnection): void;
}

type Answered = QueryResult & {
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
  readonly #end: LinkedAbort;
  #connection: ConsulConnection | undefined;
  #joined = false;
  /** The turn that is waited for. */
  #entering: Promise<() => void> | undefined;
  /** What the next query blocks on; undefined asks for a plain read, which settles what the last answer left open. */
  #index: Revision | undefined;
  #doubt: Doubt | undefined;
  /** The index of the last answer that was told. */
  #told: Revision | undefined;
  /** Its entries, to notice what is lost, and to yield the same objects for what is unchanged. */
  #known: Known;
  /** The body of the last answer, so that of the next one only what differs is parsed. */
  #body: KeptBody | undefined;
  /** The index of an agent's own answer that a plain read settles: on the servers nothing may have reached it. */
  #agentsIndex: Revision | undefined;
  /** Whether the last blocking answer was as young as it must be. */
  #young = false;
  /** When the last answer came that proved its age. */
  #provenAt = 0;
  #provenAsOf = Number.NEGATIVE_INFINITY;
  /** As of when the last answer is certain to be, proven or not. */
  #answeredAsOf = Number.POSITIVE_INFINITY;
  /** When the last update was yielded. */
  #updatedAt: number | undefined;

  constructor(watching: Watching, signals: readonly AbortSignal[], held: KeyMap | undefined) {
    this.#watching = watching;
    this.#pace = new Pace(watching.timing, watching.waitMs / 2);
    this.#end = new LinkedAbort(...signals);
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
        this.#stop();
        throw this.#connection === undefined ? error : this.#watching.pool.failed(this.#connection, error);
      }
    }
    this.#keep(undefined);
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Update, undefined>> {
    this.#stop();
    return { done: true, value: undefined };
  }

  #stop(): void {
    this.#end.abort();
    this.#keep(undefined);
    // A turn that comes now is another's.
    this.#entering?.then(
      (leave) => leave(),
      () => {},
    );
  }

  async #poll(signal: AbortSignal): Promise<Update | undefined> {
    const { pool, query, consistency, timing } = this.#watching;
    const connection = await this.#connected(signal);
    const asked = this.#index;
    const leave = asked === undefined ? undefined : await this.#turnOrAlive(signal);
    if (leave === 'alive') return { type: 'alive' };
    let answer: Answered;
    try {
      const pauseMs = await this.#pace.turn(signal);
      answer = await this.#ask(connection, asked, { pauseMs, signal });
    } finally {
      leave?.();
    }
    this.#answeredAsOf = answer.asOf;
    this.#keep(answer.body);
    pool.succeeded(connection);
    this.#watching.onAnswer(connection);
    this.#pace.spent(answer.costMs);
    const { index, early } = answer;
    const standing = this.#standing(answer, timing.now());
    const lost = query.lost(this.#known, answer.entries);
    const poll = { asked, index, lost, standing, early, lenient: isLenient(consistency.mode) };
    const verdict = judge(poll);
    if (asked !== undefined) this.#young = verdict !== 'weak';
    if (this.#doubt?.about(verdict, poll)) {
      // What is confirmed is read as if nothing were known.
      this.#keep(undefined);
      this.#confirmNext(answer);
      return undefined;
    }
    // What is unproven proves no later time than what was proven before it.
    const asOf = answer.standing === 'unproven' ? this.#provenAsOf : answer.asOf;
    if (verdict !== 'changed') return { type: 'bookmark', revision: index, asOf };
    const update = this.#tell({ ...answer, asOf });
    // An agent's stream that always has something new would never be confirmed.
    if (standing === 'unproven') this.#confirmNext(answer);
    return update;
  }

  #keep(body: KeptBody | undefined): void {
    const { bodies } = this.#watching;
    this.#body = bodies.replace(this.#body, this.#end.signal.aborted ? undefined : body);
  }

  /** The next question is a plain read. */
  #confirmNext({ index, agentsOwn }: QueryResult): void {
    this.#index = undefined;
    this.#agentsIndex = agentsOwn ? index : undefined;
  }

  /** The connection of this attempt. Another watch's failure may have closed it: a new one to the same endpoint will do. */
  async #connected(signal: AbortSignal): Promise<ConsulConnection> {
    const { pool, lanes } = this.#watching;
    if (!this.#joined) lanes.join(signal);
    this.#joined = true;
    const before = this.#connection;
    if (before !== undefined && !before.closed) return before;
    const leased = await pool.lease(signal);
    if (before !== undefined && leased.endpoint !== before.endpoint) {
      this.#connection = undefined;
      throw new WatchError('ENDED', `Consul at ${before.endpoint} failed; ${leased.endpoint} is asked now.`, {
        pacedMs: 0,
      });
    }
    this.#doubt ??= new Doubt(leased.endpoint);
    this.#connection = leased;
    return leased;
  }

  /** A lane for the next query; `alive` when that takes a while. */
  async #turnOrAlive(signal: AbortSignal): Promise<(() => void) | 'alive'> {
    const { lanes, timing } = this.#watching;
    if (this.#entering === undefined) {
      this.#entering = lanes.enter(signal);
      // It may be aborted while nobody waits for it.
      this.#entering.catch(() => {});
    }
    let cancel = (): void => {};
    const soon = new Promise<'alive'>((resolve) => {
      cancel = timing.schedule(ALIVE_EVERY_MS, () => resolve('alive'));
    });
    const first = await Promise.race([this.#entering, soon]).finally(cancel);
    if (first !== 'alive') this.#entering = undefined;
    return first;
  }

  /**
   * A watch that takes turns with others asks more often than one with a connection of its own. An answer that has
   * nothing new is taken for proven if one was proven within the last half wait; else sharing would multiply the reads
   * that prove.
   */
  #standing({ standing, asOf }: QueryResult, now: number): Standing {
    if (standing === 'proven') {
      this.#provenAt = now;
      this.#provenAsOf = Math.max(this.#provenAsOf, asOf);
    }
    const lately = now - this.#provenAt < this.#watching.waitMs / 2;
    return standing === 'unproven' && lately ? 'proven' : standing;
  }

  async #ask(connection: ConsulConnection, index: Revision | undefined, { pauseMs, signal }: Turn): Promise<Answered> {
    const { consistency, lanes, timing } = this.#watching;
    const given = { known: this.#known, kept: this.#body, signal, holds: false };
    if (index === undefined) {
      const strict = { ...consistency, mode: SETTLING };
      const questioning = { ...this.#watching, answerMs: this.#answerMs() };
      return { ...(await ask(questioning, connection, { ...given, consistency: strict })), early: false };
    }
    const block = { index, waitMs: lanes.waitMs(this.#waitMs(pauseMs)) };
    const sentAt = timing.now();
    const answer = await ask(this.#watching, connection, { ...given, consistency, block });
    // An agent ends its own queries as it likes; what it has is proven in other ways.
    return { ...answer, early: !answer.agentsOwn && timing.now() - sentAt < block.waitMs / 2 };
  }

  /** A plain read after a blocking query shares its time: the core takes a longer silence for a dead link. */
  #answerMs(): number {
    const { answerMs, silenceMs, timing } = this.#watching;
    if (this.#updatedAt === undefined) return answerMs;
    return Math.max(1, Math.min(answerMs, silenceMs - (timing.now() - this.#updatedAt)));
  }

  #waitMs(pauseMs: number): number {
    const { waitMs, consistency, timing } = this.#watching;
    // A change late in a wait proves no more than that the state was so after the question: the next answer has to come
    // while that is young enough.
    const ageMs = Math.max(0, timing.now() - this.#answeredAsOf);
    // The pause is a part of the silence that the core allows.
    const leastMs = Math.min(LEAST_WAIT_MS, waitMs);
    const restMs = Math.max(leastMs, Math.min(Math.max(waitMs - pauseMs, waitMs / 2), waitMs - ageMs));
    // A server that may be behind is asked at short intervals until it is seen not to be.
    return isLenient(consistency.mode) && !this.#young ? Math.min(restMs, consistency.maxStaleMs) : restMs;
  }

  #tell({ index, entries, malformed, asOf }: QueryResult): Update {
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
    if (nothingNew) return { type: 'bookmark', revision: reached, asOf };
    return { type: 'snapshot', revision: reached, entries: this.#pace.charging(entries), asOf };
  }
}

function laterOf(index: Revision, other: Revision | undefined): Revision {
  return other !== undefined && compareRevisions(other, index) > 0 ? other : index;
}
