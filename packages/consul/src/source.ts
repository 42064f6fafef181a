import { setMaxListeners } from 'node:events';
import { type ConnectOptions, type Logger, type Timing, WatchError } from '@rollcall/core';
import type {
  AttemptOptions,
  FullRead,
  FullReadOptions,
  Source,
  SourceWriter,
  Target,
  Update,
} from '@rollcall/core/adapter';
import { type DialBoard, isOfTheEndpoint, LinkedAbort, Pool } from '@rollcall/core/internal';
import type { ConsulConnection } from './http/connection.js';
import { type Consistency, isLenient, type Mode, SETTLING } from './http/consistency.js';
import { neverSent } from './http/failure.js';
import type { CallLimits } from './http/options.js';
import type { Scope } from './http/scope.js';
import { warnOfSilentFilters } from './http/version.js';
import { NOTHING } from './queries/entries.js';
import { BodyBudget } from './queries/keptBody.js';
import { addressable } from './queries/kvKey.js';
import { queryOf } from './queries/queryOf.js';
import { BlockingWatch, type WatchContext } from './watch/blockingWatch.js';
import { Lanes, SHARED_WAIT_MS } from './watch/lanes.js';
import { type QueryResult, query as send } from './watch/query.js';
import { type Caller, checkWrite, deleteKey, deletePrefix, putKey } from './write.js';

/** Time for an answer that does not block, ms: above the 7 s after which a server without a quorum gives up. */
const ANSWER_MS = 10_000;
/** Time that an answer may take on top of the wait, and of the sixteenth that Consul adds at random, ms. */
const GRACE_MS = 3_000;
/** The request gives up this long before the core's silence timer, ms, so that its endpoint counts as failed. */
const BEFORE_WATCHDOG_MS = 500;
/** The longest wait for an answer from the last endpoint that is left, ms. The caller's signal may end it earlier. */
const PATIENT_MS = 120_000;
/** The part of the connections for blocking queries; reads and writes use the others, and need not wait for those. */
const BLOCKING = 0.9;

export interface ConsulSourceOptions extends ConnectOptions {
  readonly secure: boolean;
  readonly scope: Scope;
  readonly consistency: Consistency;
  readonly connections: number;
  readonly waitMs: number;
  readonly timing: Timing;
  readonly logger: Logger;
  readonly dials?: DialBoard;
}

/** The wait of a blocking query that ends before a proof gets too old. */
function waitWithin({ waitMs, maxProofAgeMs }: ConsulSourceOptions): number {
  return maxProofAgeMs === undefined ? waitMs : Math.min(waitMs, ((maxProofAgeMs - GRACE_MS) * 16) / 17);
}

/** Memory for the last answers of all watches, bytes. Without its last answer a watch parses each answer as a whole. */
const MOST_BODIES_BYTES = 64 * 1024 * 1024;

/**
 * One Consul datacenter as a source. A watch is one blocking query after another; a delete is inferred from a missing
 * key.
 */
export class ConsulSource implements Source {
  readonly supports = { resume: false, deltas: false, history: false };
  readonly maxSilenceMs: number;
  readonly write: SourceWriter = {
    put: async (key, value, options) => {
      checkWrite(key, options);
      return this.#write((caller) => putKey(caller, key, value));
    },
    delete: async (key) => {
      checkWrite(key);
      return this.#write((caller) => deleteKey(caller, key));
    },
    deletePrefix: async (prefix) => {
      addressable(prefix);
      return this.#write((caller) => deletePrefix(caller, prefix));
    },
  };
  readonly #options: ConsulSourceOptions;
  readonly #waitMs: number;
  readonly #answerMs: number;
  readonly #pool: Pool<ConsulConnection>;
  readonly #lanes: Lanes;
  readonly #bodies = new BodyBudget(MOST_BODIES_BYTES);
  readonly #closed = new AbortController();
  #askedVersion = false;

  /** @param endpoints `host:port`, at least one. */
  constructor(endpoints: readonly string[], options: ConsulSourceOptions) {
    this.#options = options;
    this.#pool = new Pool({
      endpoints,
      timing: options.timing,
      dials: options.dials,
      scheme: options.secure ? 'consuls' : 'consul',
      open: async (endpoint) => {
        // A program that only names this adapter does not pay for loading HTTP.
        const { ConsulConnection } = await import('./http/connection.js');
        return new ConsulConnection(endpoint, options);
      },
      dial: (connection, signal) => connection.dial(signal),
    });
    const lanes = Math.max(1, Math.floor(options.connections * BLOCKING));
    this.#lanes = new Lanes(lanes, () => {
      options.logger.warn(
        { endpoints, lanes },
        `More than ${lanes} targets of one Consul are watched: their queries take turns of ${SHARED_WAIT_MS} ms, so that changes are seen later. Watch a common prefix instead, or raise "connections" here and limits.http_max_conns_per_client of the agents.`,
      );
    });
    // There is one listener for each watch and each running call: many are no leak.
    setMaxListeners(0, this.#closed.signal);
    this.#waitMs = waitWithin(options);
    this.maxSilenceMs = this.#waitMs + this.#waitMs / 16 + GRACE_MS;
    this.#answerMs = Math.min(ANSWER_MS, this.maxSilenceMs - BEFORE_WATCHDOG_MS);
  }

  /** Larger while more targets are watched than there are connections, and their queries take turns. */
  get maxProofAgeMs(): number {
    return this.maxSilenceMs + this.#lanes.cycleMs(this.#waitMs);
  }

  /** @throws WatchError INVALID_OPTION for a key or prefix that Consul cannot address, or that no agent caches. */
  async *watch(target: Target, { signal, held }: AttemptOptions): AsyncGenerator<Update> {
    using end = new LinkedAbort(signal, this.#closed.signal);
    try {
      yield* new BlockingWatch(this.#contextOf(target), end.signal, held).updates();
    } finally {
      // The lanes count a watch until its signal aborts.
      end.abort();
    }
  }

  /** Values are read with `keysOnly`, too: Consul's list of keys alone has no revisions. */
  async read(target: Target, { signal }: FullReadOptions): Promise<FullRead> {
    const context = this.#contextOf(target);
    return this.#anywhere(signal, isOfTheEndpoint, (connection, { signal: reading, headersMs }) =>
      readOnce({ ...context, answerMs: headersMs }, connection, reading),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const message = 'The Consul source was closed.';
    this.#closed.abort(new WatchError('CLOSED', message));
    this.#pool.close(message);
  }

  #contextOf(target: Target): WatchContext {
    const { token, consistency, timing, logger } = this.#options;
    const query = queryOf(target);
    if (consistency.mode === 'cached' && !query.cacheable) {
      throw new WatchError(
        'INVALID_OPTION',
        `Consul caches no answers for ${query.what}: leave "cached" out of the URL.`,
      );
    }
    return {
      pool: this.#pool,
      lanes: this.#lanes,
      bodies: this.#bodies,
      query,
      consistency,
      anonymous: token === undefined,
      waitMs: this.#waitMs,
      silenceMs: this.maxSilenceMs - BEFORE_WATCHDOG_MS,
      answerMs: this.#answerMs,
      timing,
      logger,
      onAnswer: (connection) => this.#checkVersion(connection),
    };
  }

  /** Checks the version once, and only for a caller whose rights can change. */
  #checkVersion(connection: ConsulConnection): void {
    if (this.#askedVersion || this.#options.token === undefined) return;
    this.#askedVersion = true;
    void warnOfSilentFilters(connection, this.#closed.signal, this.#options.logger);
  }

  /** Runs a write. Another endpoint is tried only if nothing was sent, so that a write is not done twice. */
  #write<T>(run: (caller: Caller) => Promise<T>): Promise<T> {
    const wallNow = this.#options.timing.wallNow();
    return this.#anywhere(undefined, neverSent, (connection, limits) => run({ connection, limits, wallNow }));
  }

  /**
   * Tries each endpoint once, until one answers or the error forbids another try. The last endpoint may take as long as
   * the caller's signal allows.
   */
  async #anywhere<T>(
    signal: AbortSignal | undefined,
    mayAskAnother: (error: WatchError) => boolean,
    run: (connection: ConsulConnection, limits: CallLimits) => Promise<T>,
  ): Promise<T> {
    using end = new LinkedAbort(signal, this.#closed.signal);
    for (let left = this.#pool.size; ; left--) {
      const connection = await this.#pool.acquire(end.signal);
      try {
        const headersMs = left === 1 ? PATIENT_MS : this.#answerMs;
        const result = await run(connection, { signal: end.signal, headersMs, holds: true });
        this.#pool.succeeded(connection);
        return result;
      } catch (thrown) {
        end.signal.throwIfAborted();
        const failure = this.#pool.failed(connection, thrown);
        if (left === 1 || !mayAskAnother(WatchError.from(thrown))) throw failure;
      }
    }
  }
}

/**
 * Makes one plain read: of any server if the URL allows it and the server is not too far behind; otherwise of the
 * leader.
 */
async function readOnce(context: WatchContext, connection: ConsulConnection, signal: AbortSignal): Promise<FullRead> {
  const { maxStaleMs, mode } = context.consistency;
  const read = (chosen: Mode): Promise<QueryResult> =>
    send(context, connection, { consistency: { mode: chosen, maxStaleMs }, known: NOTHING, signal, holds: true });
  // An agent's cache does not show what is missing in it.
  const answer = await read(isLenient(mode) ? 'stale' : SETTLING);
  const { index, entries } = answer.standing === 'weak' ? await read(SETTLING) : answer;
  return { revision: index, entries };
}
