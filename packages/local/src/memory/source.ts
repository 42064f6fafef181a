import { type Revision, WatchError } from '@rollcall/core';
import {
  type AttemptOptions,
  type FullRead,
  type FullReadOptions,
  type PutOptions,
  refuseLeases,
  type Source,
  type Target,
  type Update,
} from '@rollcall/core/adapter';
import { revisionNumber } from './history.js';
import { select } from './target.js';
import { type MemoryBackend, MemoryWatch } from './watch.js';

/** A memory store as a source. It has no connection, so disposing of it does nothing. */
export class MemorySource implements Source {
  readonly supports = { resume: true, deltas: true, history: true };
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  get maxSilenceMs(): number {
    return this.#backend.link.maxSilenceMs;
  }

  watch(target: Target, { signal, from }: AttemptOptions): AsyncIterable<Update> {
    return new MemoryWatch(this.#backend, target, from).updates(signal);
  }

  /** @throws WatchError COMPACTED; ROLLED_BACK for a future revision. */
  async read(target: Target, options: FullReadOptions): Promise<FullRead> {
    await this.#reach(options.signal);
    const { name, history } = this.#backend;
    const revision = options.at === undefined ? history.revision : revisionNumber(options.at);
    if (revision < history.compacted) {
      throw new WatchError('COMPACTED', `${name} was compacted at revision ${history.compacted}, after ${revision}.`);
    }
    if (revision > history.revision) {
      throw new WatchError('ROLLED_BACK', `${name} is at revision ${history.revision}, before ${revision}.`);
    }
    return { revision: String(revision), entries: select(history.at(revision), target) };
  }

  readonly write = {
    put: async (key: string, value: Uint8Array, options?: PutOptions): Promise<Revision> => {
      const { name, history, link } = this.#backend;
      refuseLeases(name, options);
      await this.#reach();
      history.commit([{ type: 'put', key, value }]);
      link.notify();
      return String(history.revision);
    },
    delete: async (key: string): Promise<boolean> => {
      await this.#reach();
      const { history, link } = this.#backend;
      const before = history.revision;
      history.commit([{ type: 'delete', key }]);
      link.notify();
      return history.revision !== before;
    },
  };

  async [Symbol.asyncDispose](): Promise<void> {}

  /**
   * Waits for the end of a silence, as a request on a half-open link does. @throws the outage's error, or the signal's
   * reason.
   */
  async #reach(signal = new AbortController().signal): Promise<void> {
    while (this.#backend.link.silent && !signal.aborted) await this.#backend.link.changed(signal);
    signal.throwIfAborted();
    this.#backend.link.assertUp();
  }
}
