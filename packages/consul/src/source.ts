import { setMaxListeners } from 'node:events';
import {
  type ConnectOptions,
  type Entry,
  isOfTheEndpoint,
  type KeyMap,
  type Logger,
  type Revision,
  type Source,
  type Target,
  type Timing,
  type Update,
  WatchError,
} from '@rollcall/core';
import { follow } from './abort.js';
import { type Asking, ask, BlockingWatch } from './blockingWatch.js';
import { Cluster, type Lease } from './cluster.js';
import { neverSent } from './failure.js';
import { queryOf } from './query.js';
import type { Scope } from './scope.js';
import { type Caller, checkWrite, deleteKey, putKey } from './write.js';

/** Above the 7 s after which a server without a quorum gives up by itself. */
const ANSWER_MS = 10_000;
/** Beyond the wait that was asked for and the sixteenth of it that Consul adds at random, an answer may take this long. */
const GRACE_MS = 3_000;
/** The request gives up this long before the core's watchdog does, so that its endpoint is known to have failed. */
const BEFORE_WATCHDOG_MS = 500;

export interface ConsulSourceOptions extends ConnectOptions {
  readonly secure: boolean;
  readonly scope: Scope;
  readonly waitMs: number;
  readonly timing: Timing;
  readonly logger: Logger;
}

/** One Consul datacenter. Each watch is one blocking query after another; what is told of a delete is its absence. */
export class ConsulSource implements Source {
  readonly supports = { resume: false, deltas: false, history: false };
  readonly maxSilenceMs: number;
  readonly write: NonNullable<Source['write']> = {
    put: async (key, value, options) => {
      checkWrite(key, options);
      return this.#write((caller) => putKey(caller, key, value));
    },
    delete: async (key) => {
      checkWrite(key);
      return this.#write((caller) => deleteKey(caller, key));
    },
  };
  readonly #options: ConsulSourceOptions;
  readonly #answerMs: number;
  readonly #cluster: Cluster;
  readonly #closed = new AbortController();

  /** @param endpoints `host:port`, at least one. */
  constructor(endpoints: readonly string[], options: ConsulSourceOptions) {
    this.#options = options;
    this.#cluster = new Cluster(endpoints, options);
    // One listener for each watch and each call that runs: many are no leak.
    setMaxListeners(0, this.#closed.signal);
    this.maxSilenceMs = options.waitMs + options.waitMs / 16 + GRACE_MS;
    this.#answerMs = Math.min(ANSWER_MS, this.maxSilenceMs - BEFORE_WATCHDOG_MS);
  }

  /** @throws WatchError INVALID_OPTION for a key or prefix that Consul cannot address. */
  watch(target: Target, { signal, held }: { signal: AbortSignal; held?: KeyMap }): AsyncIterable<Update> {
    return new BlockingWatch(this.#asking(target), [signal, this.#closed.signal], held);
  }

  /** Values come along with `keysOnly` too: Consul's list of mere keys has no revisions. */
  async read(
    target: Target,
    { signal, at }: { signal: AbortSignal; at?: Revision; keysOnly?: boolean },
  ): Promise<{ revision: Revision; entries: Iterable<readonly [string, Entry]> }> {
    if (at !== undefined) {
      throw new WatchError('UNSUPPORTED', `Cannot read at revision ${at}: Consul keeps no history; read without it.`);
    }
    const asking = this.#asking(target);
    return this.#anywhere([signal], isOfTheEndpoint, async (lease, reading) => {
      const { index, entries } = await ask(asking, lease, { signal: reading, holds: true });
      return { revision: index, entries };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new WatchError('CLOSED', 'The Consul source was closed.'));
    this.#cluster.close();
  }

  #asking(target: Target): Asking {
    const { token, waitMs, timing, logger } = this.#options;
    return {
      cluster: this.#cluster,
      query: queryOf(target),
      anonymous: token === undefined,
      waitMs,
      answerMs: this.#answerMs,
      blockedMs: this.maxSilenceMs - BEFORE_WATCHDOG_MS,
      timing,
      logger,
    };
  }

  /** Elsewhere only if nothing was sent: a write must not be done twice. */
  #write<T>(run: (caller: Caller) => Promise<T>): Promise<T> {
    return this.#anywhere([], neverSent, ({ connection }, signal) =>
      run({
        endpoint: connection.endpoint,
        call: (send) => connection.call(send, { signal, timeoutMs: this.#answerMs, holds: true }),
        wallNow: this.#options.timing.wallNow(),
      }),
    );
  }

  /** On one endpoint after the other, each once, until one answers or the error says that no other may be asked. */
  async #anywhere<T>(
    signals: readonly AbortSignal[],
    mayAskAnother: (error: WatchError) => boolean,
    run: (lease: Lease, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const end = follow(...signals, this.#closed.signal);
    try {
      for (let left = this.#cluster.size; ; left--) {
        const lease = await this.#cluster.lease();
        try {
          const result = await run(lease, end.signal);
          this.#cluster.succeeded(lease);
          return result;
        } catch (thrown) {
          end.signal.throwIfAborted();
          const failure = this.#cluster.failed(lease, thrown);
          if (left === 1 || !mayAskAnother(WatchError.from(thrown))) throw failure;
        }
      }
    } finally {
      end.abort();
    }
  }
}
