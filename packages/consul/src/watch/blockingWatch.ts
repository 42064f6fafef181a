import { compareRevisions, type KeyMap, type Logger, type Revision, WatchError } from '@rollcall/core';
import type { Update } from '@rollcall/core/adapter';
import { admission, type Pool } from '@rollcall/core/internal';
import type { ConsulConnection } from '../http/connection.js';
import { type Consistency, isLenient, SETTLING, type Standing } from '../http/consistency.js';
import { type KnownEntries, NOTHING, sameEntries } from '../queries/entries.js';
import type { BodyBudget, KeptBody } from '../queries/keptBody.js';
import { Contradictions, judge } from './judge.js';
import { type Lanes, LEAST_WAIT_MS } from './lanes.js';
import { Pace } from './pace.js';
import { type QueryContext, type QueryResult, query as send } from './query.js';

/** While a watch waits for its lane it yields `alive` this often, ms. */
const ALIVE_EVERY_MS = 2_000;

export interface WatchContext extends QueryContext {
  readonly pool: Pool<ConsulConnection>;
  readonly lanes: Lanes;
  readonly consistency: Consistency;
  /** The longest wait of one blocking query. */
  readonly waitMs: number;
  /** The longest time without an update, ms. */
  readonly silenceMs: number;
  /** Shared by all watches of the source: what their last bodies may take together. */
  readonly bodies: BodyBudget;
  readonly logger: Logger;
  /** Called with the connection that gave an answer. */
  onAnswer(connection: ConsulConnection): void;
}

/** One watch: a plain read, then blocking queries on the index of the last answer, on one endpoint, until one fails. */
export class BlockingWatch {
  readonly #context: WatchContext;
  readonly #pace: Pace;
  readonly #signal: AbortSignal;
  #connection: ConsulConnection | undefined;
  #contradictions: Contradictions | undefined;
  /** What the next query blocks on; undefined for a plain read. */
  #index: Revision | undefined;
  /** The index of the last update, and the entries of it. */
  #yielded: Revision | undefined;
  #known: KnownEntries;
  /** The body of the last answer: of the next one only the items that differ are parsed. */
  #body: KeptBody | undefined;
  /** The index of an agent's own answer that the next plain read confirms: the servers may still be below it. */
  #agentsIndex: Revision | undefined;
  /** Whether the last blocking answer was as young as the URL asks. */
  #young = false;
  /** `Timing.now()` when the last proven answer came, and of what time it was. */
  #provenAt = 0;
  #provenAsOf = Number.NEGATIVE_INFINITY;
  /** The time that the last answer is certain to be of, proven or not. */
  #answeredAsOf = Number.POSITIVE_INFINITY;
  /** When the last update was yielded. */
  #updatedAt: number | undefined;

  constructor(context: WatchContext, signal: AbortSignal, held: KeyMap | undefined) {
    this.#context = context;
    this.#pace = new Pace(context.timing, context.waitMs / 2);
    this.#signal = signal;
    this.#known = held ?? NOTHING;
  }

  /** Yields until the signal aborts. @throws WatchError the first failure. */
  async *updates(): AsyncGenerator<Update, void> {
    const { pool, lanes, timing } = this.#context;
    lanes.join(this.#signal);
    try {
      while (!this.#signal.aborted) {
        const update = this.#updateOf(yield* this.#nextAnswer());
        if (update === undefined) continue;
        this.#updatedAt = timing.now();
        yield update;
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      throw this.#connection === undefined ? error : pool.failed(this.#connection, error);
    } finally {
      this.#keepBody(undefined);
    }
  }

  /** One query, once there is a connection, a lane and the pace allows it. */
  async *#nextAnswer(): AsyncGenerator<Update, QueryResult> {
    const { pool, lanes, timing } = this.#context;
    const connection = await this.#connected();
    const index = this.#index;
    const leave =
      index === undefined
        ? undefined
        : yield* admission(lanes, { signal: this.#signal, timing, everyMs: ALIVE_EVERY_MS });
    try {
      const pauseMs = await this.#pace.turn(this.#signal);
      const answer = await (index === undefined
        ? this.#plainRead(connection)
        : this.#block(connection, index, pauseMs));
      pool.succeeded(connection);
      this.#context.onAnswer(connection);
      return answer;
    } finally {
      leave?.();
    }
  }

  /** What an answer has for the core; undefined if a plain read must confirm it first. */
  #updateOf(answer: QueryResult): Update | undefined {
    const { query, consistency } = this.#context;
    const blockedOn = this.#index;
    const { index } = answer;
    this.#answeredAsOf = answer.asOf;
    this.#keepBody(answer.body);
    this.#pace.spent(answer.costMs);
    const standing = this.#standingOf(answer);
    const lost = query.lost(this.#known, answer.entries);
    const evidence = { blockedOn, index, lost, standing, early: answer.early, lenient: isLenient(consistency.mode) };
    const verdict = judge(evidence);
    if (blockedOn !== undefined) this.#young = verdict !== 'weak';
    if (this.#contradictions?.mustConfirm(verdict, evidence)) {
      // The body may be the wrong one: the plain read parses its own whole.
      this.#keepBody(undefined);
      this.#confirmNext(answer);
      return undefined;
    }
    // An unproven answer proves no later time than the last proven one did.
    const asOf = answer.standing === 'unproven' ? this.#provenAsOf : answer.asOf;
    if (verdict !== 'changed') return { type: 'bookmark', revision: index, asOf };
    const update = this.#changed({ ...answer, asOf });
    // An agent's stream that always has something new would never be confirmed otherwise.
    if (standing === 'unproven') this.#confirmNext(answer);
    return update;
  }

  #changed({ index, entries, malformed, asOf }: QueryResult): Update {
    const { query, logger } = this.#context;
    if (malformed > 0) logger.debug({ malformed }, `Left out ${malformed} items of ${query.what} that make no sense.`);
    const before = this.#yielded;
    const same = before !== undefined && sameEntries(this.#known, entries);
    // If the servers have the agent's entries, they confirm the agent's index, too.
    const reached = same ? laterOf(index, this.#agentsIndex) : index;
    const nothingNew = same && laterOf(reached, before) === reached;
    this.#agentsIndex = undefined;
    this.#index = reached;
    this.#yielded = reached;
    this.#known = entries;
    if (nothingNew) return { type: 'bookmark', revision: reached, asOf };
    return { type: 'snapshot', revision: reached, entries: this.#pace.charging(entries), asOf };
  }

  /** The next query is a plain read. */
  #confirmNext({ index, agentsOwn }: QueryResult): void {
    this.#index = undefined;
    this.#agentsIndex = agentsOwn ? index : undefined;
  }

  #keepBody(body: KeptBody | undefined): void {
    this.#body = this.#context.bodies.replace(this.#body, this.#signal.aborted ? undefined : body);
  }

  /** The connection of this attempt. Another watch's failure may have closed it: a new one to the same endpoint will do. */
  async #connected(): Promise<ConsulConnection> {
    const before = this.#connection;
    if (before !== undefined && !before.closed) return before;
    const acquired = await this.#context.pool.acquire(this.#signal);
    if (before !== undefined && acquired.endpoint !== before.endpoint) {
      this.#connection = undefined;
      const why = `Consul at ${before.endpoint} failed; ${acquired.endpoint} is asked now.`;
      throw new WatchError('ENDED', why, { pacedMs: 0 });
    }
    this.#contradictions ??= new Contradictions(acquired.endpoint);
    this.#connection = acquired;
    return acquired;
  }

  /**
   * A watch that shares connections polls more often than one with its own. Its answer without news counts as proven if
   * one was proven within the last half wait; otherwise sharing would multiply the plain reads that prove.
   */
  #standingOf({ standing, asOf }: QueryResult): Standing {
    const { timing, waitMs } = this.#context;
    const now = timing.now();
    if (standing === 'proven') {
      this.#provenAt = now;
      this.#provenAsOf = Math.max(this.#provenAsOf, asOf);
    }
    const isRecent = now - this.#provenAt < waitMs / 2;
    return standing === 'unproven' && isRecent ? 'proven' : standing;
  }

  #plainRead(connection: ConsulConnection): Promise<QueryResult> {
    const { answerMs, silenceMs, timing, consistency } = this.#context;
    // After a blocking query it has what is left of the silence that the core allows.
    const leftMs = this.#updatedAt === undefined ? answerMs : silenceMs - (timing.now() - this.#updatedAt);
    const context = { ...this.#context, answerMs: Math.max(1, Math.min(answerMs, leftMs)) };
    return send(context, connection, { ...this.#request(), consistency: { ...consistency, mode: SETTLING } });
  }

  #block(connection: ConsulConnection, index: Revision, pauseMs: number): Promise<QueryResult> {
    const { consistency, lanes } = this.#context;
    const block = { index, waitMs: lanes.waitMs(this.#waitMs(pauseMs)) };
    return send(this.#context, connection, { ...this.#request(), consistency, block });
  }

  #request() {
    return { known: this.#known, kept: this.#body, signal: this.#signal, holds: false };
  }

  /** How long the next query may block, ms. */
  #waitMs(pauseMs: number): number {
    const { waitMs, consistency, timing } = this.#context;
    // A change late in a wait only proves the state after the query was sent: the next answer has to come while that
    // proof is young enough.
    const ageMs = Math.max(0, timing.now() - this.#answeredAsOf);
    // The pause is a part of the silence that the core allows.
    const leastMs = Math.min(LEAST_WAIT_MS, waitMs);
    const restMs = Math.max(leastMs, Math.min(Math.max(waitMs - pauseMs, waitMs / 2), waitMs - ageMs));
    // A server that may lag behind is polled at short intervals until an answer is young enough.
    return isLenient(consistency.mode) && !this.#young ? Math.min(restMs, consistency.maxStaleMs) : restMs;
  }
}

function laterOf(index: Revision, other: Revision | undefined): Revision {
  return other !== undefined && compareRevisions(other, index) > 0 ? other : index;
}
