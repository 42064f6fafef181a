import { setMaxListeners } from 'node:events';
import {
  type Entry,
  isOfTheEndpoint,
  type KeyMap,
  type Resume,
  type Revision,
  type Source,
  type Target,
  type Update,
  WatchError,
} from '@rollcall/core';
import { interruptible, LinkedAbort } from './rpc/abort.js';
import { neverSent } from './rpc/status.js';
import { Cluster, type ClusterOptions } from './watch/cluster.js';
import type { Connection } from './watch/connection.js';
import { withinHistory } from './watch/history.js';
import { list } from './watch/list.js';
import { watch } from './watch/watch.js';
import { deleteKey, putKey } from './write.js';

interface WatchOptions {
  readonly signal: AbortSignal;
  readonly from?: Resume;
  readonly held?: KeyMap;
}

interface ReadOptions {
  readonly signal: AbortSignal;
  readonly at?: Revision;
  readonly keysOnly?: boolean;
}

/** One etcd cluster. */
export class EtcdSource implements Source {
  readonly supports = { resume: true, deltas: true, history: true };
  /** A request for progress goes out after 10 s of silence; half as long again may pass until its answer. */
  readonly maxSilenceMs = 15_000;
  readonly write: NonNullable<Source['write']> = {
    put: (key, value, options = {}) =>
      this.#write((connection, signal) => putKey(connection, { key, value, options, signal })),
    delete: (key) => this.#write((connection, signal) => deleteKey(connection, key, signal)),
  };
  readonly #cluster: Cluster;
  readonly #closed = new AbortController();

  /** @param endpoints `host:port`, at least one. */
  constructor(endpoints: readonly string[], options: ClusterOptions) {
    this.#cluster = new Cluster(endpoints, options);
    // One listener for each watch and each call that runs: many are no leak.
    setMaxListeners(0, this.#closed.signal);
  }

  watch(target: Target, { signal, ...seen }: WatchOptions): AsyncIterable<Update> {
    const abort = new LinkedAbort(signal, this.#closed.signal);
    return interruptible(abort, this.#attempt(target, abort.signal, seen));
  }

  async read(
    target: Target,
    { signal, at, keysOnly = false }: ReadOptions,
  ): Promise<{ revision: Revision; entries: Iterable<readonly [string, Entry]> }> {
    if (at !== undefined && !isRevision(at)) {
      throw new WatchError('INVALID_OPTION', `Cannot read at "${at}": a revision is a whole number above 0.`);
    }
    using abort = new LinkedAbort(signal, this.#closed.signal);
    const options = { signal: abort.signal, keysOnly, ...(at !== undefined && { at }) };
    const { revision, entries } = await this.#anywhere(options.signal, isOfTheEndpoint, (connection) =>
      withinHistory(connection, { target, ...options }, drain(list(connection, target, options))),
    );
    return { revision, entries };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new WatchError('CLOSED', 'The etcd source was closed.'));
    this.#cluster.close();
  }

  async *#attempt(target: Target, signal: AbortSignal, seen: Omit<WatchOptions, 'signal'>): AsyncGenerator<Update> {
    const connection = await this.#cluster.connection();
    const onWatching = (): void => this.#cluster.succeeded(connection);
    try {
      yield* watch({ connection, target, signal, ...seen, onWatching });
    } catch (error) {
      if (signal.aborted) return;
      throw this.#cluster.failed(connection, error);
    }
  }

  /** Elsewhere only if nothing was sent: a write must not be done twice. */
  #write<T>(run: (connection: Connection, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#closed;
    return this.#anywhere(signal, neverSent, (connection) => run(connection, signal));
  }

  /** On one endpoint after the other, each once, until one answers or the error says that no other may be asked. */
  async #anywhere<T>(
    signal: AbortSignal,
    mayAskAnother: (error: WatchError) => boolean,
    run: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    using _hold = holdProcess();
    for (let left = this.#cluster.size; ; left--) {
      const connection = await this.#cluster.connection();
      try {
        const result = await run(connection);
        this.#cluster.succeeded(connection);
        return result;
      } catch (thrown) {
        signal.throwIfAborted();
        const failure = this.#cluster.failed(connection, thrown);
        if (left === 1 || !mayAskAnother(WatchError.from(thrown))) throw failure;
      }
    }
  }
}

/** While somebody waits for an answer: the sockets themselves do not hold the process. */
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
