import { setMaxListeners } from 'node:events';
import { WatchError } from '@rollcall/core';
import type {
  AttemptOptions,
  FullRead,
  FullReadOptions,
  Source,
  SourceWriter,
  Target,
  Update,
} from '@rollcall/core/adapter';
import { isOfTheEndpoint, LinkedAbort, type Pool } from '@rollcall/core/internal';
import { PATIENT_MS, type RpcLimits } from './rpc/deadlines.js';
import { neverSent, toWatchError } from './rpc/status.js';
import { type ClusterOptions, clusterOf } from './watch/cluster.js';
import type { EtcdConnection } from './watch/connection.js';
import { withinHistory } from './watch/history.js';
import { list } from './watch/list.js';
import { watch } from './watch/watch.js';
import { deleteKey, deletePrefix, putKey } from './write.js';

/** After this much silence of the stream, ms, progress is requested. */
const PROOF_EVERY_MS = 10_000;
/**
 * A watch without updates for this long, ms, is stale: time for a progress request, a read in its place, and their
 * answers.
 */
const MAX_SILENCE_MS = 15_000;
/** Proofs that are requested within `maxProofAgeMs`. */
const PROOFS_IN_AGE = 3;

/** One etcd cluster as a source. */
export class EtcdSource implements Source {
  readonly supports = { resume: true, deltas: true, history: true };
  readonly maxSilenceMs = MAX_SILENCE_MS;
  readonly maxProofAgeMs: number;
  readonly write: SourceWriter = {
    put: (key, value, options = {}) =>
      this.#write((connection, limits) => putKey(connection, { key, value, options, limits })),
    delete: (key) => this.#write((connection, limits) => deleteKey(connection, key, limits)),
    deletePrefix: (prefix) => this.#write((connection, limits) => deletePrefix(connection, prefix, limits)),
  };
  readonly #pool: Pool<EtcdConnection>;
  readonly #closed = new AbortController();

  /** @param endpoints `host:port`, at least one. */
  constructor(endpoints: readonly string[], options: ClusterOptions) {
    this.maxProofAgeMs = options.maxProofAgeMs ?? PROOFS_IN_AGE * PROOF_EVERY_MS;
    const proofEveryMs = Math.min(PROOF_EVERY_MS, this.maxProofAgeMs / PROOFS_IN_AGE);
    this.#pool = clusterOf(endpoints, proofEveryMs, options);
    // There is one listener for each watch and each running call: many are no leak.
    setMaxListeners(0, this.#closed.signal);
  }

  async *watch(target: Target, options: AttemptOptions): AsyncGenerator<Update> {
    this.#closed.signal.throwIfAborted();
    using end = new LinkedAbort(options.signal, this.#closed.signal);
    const { signal } = end;
    let connection: EtcdConnection | undefined;
    try {
      const acquired = await this.#pool.acquire(signal);
      connection = acquired;
      yield* watch({ ...options, connection, target, signal, onWatching: () => this.#pool.succeeded(acquired) });
    } catch (error) {
      if (signal.aborted) return;
      throw connection === undefined ? error : this.#pool.failed(connection, toWatchError(error, connection.endpoint));
    }
  }

  async read(target: Target, { signal, at, keysOnly = false }: FullReadOptions): Promise<FullRead> {
    if (at !== undefined && !isRevision(at)) {
      throw new WatchError('INVALID_OPTION', `Cannot read at "${at}": a revision is a whole number above 0.`);
    }
    using abort = new LinkedAbort(signal, this.#closed.signal);
    const asked = { target, at, signal: abort.signal };
    const { revision, entries } = await this.#anywhere(abort.signal, isOfTheEndpoint, (connection, limits) => {
      const options = { ...limits, keysOnly, ...(at !== undefined && { at }) };
      return withinHistory(connection, asked, drain(list(connection, target, options)));
    });
    return { revision, entries };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const message = 'The etcd source was closed.';
    this.#closed.abort(new WatchError('CLOSED', message));
    this.#pool.close(message);
  }

  /** Runs a write. Another endpoint is tried only if nothing was sent, so that a write is not done twice. */
  #write<T>(run: (connection: EtcdConnection, limits: RpcLimits) => Promise<T>): Promise<T> {
    return this.#anywhere(this.#closed.signal, neverSent, run);
  }

  /**
   * Tries each endpoint once, until one answers or the error forbids another try. The last endpoint may take as long as
   * the caller's signal allows.
   */
  async #anywhere<T>(
    signal: AbortSignal,
    mayAskAnother: (error: WatchError) => boolean,
    run: (connection: EtcdConnection, limits: RpcLimits) => Promise<T>,
  ): Promise<T> {
    using _hold = holdProcess();
    for (let left = this.#pool.size; ; left--) {
      const connection = await this.#pool.acquire(signal);
      try {
        const result = await run(connection, { signal, deadlineMs: left === 1 ? PATIENT_MS : undefined });
        this.#pool.succeeded(connection);
        return result;
      } catch (error) {
        signal.throwIfAborted();
        const thrown = toWatchError(error, connection.endpoint);
        const failure = this.#pool.failed(connection, thrown);
        if (left === 1 || !mayAskAnother(thrown)) throw failure;
      }
    }
  }
}

/** Keeps the process running while a caller waits for an answer: the sockets themselves do not. */
function holdProcess(): Disposable {
  const timer = setInterval(() => {}, 2 ** 31 - 1);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function drain<T>(generator: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const step = await generator.next();
    if (step.done) return step.value;
  }
}

function isRevision(text: string): boolean {
  return /^[1-9]\d{0,18}$/.test(text) && BigInt(text) < 2n ** 63n;
}
