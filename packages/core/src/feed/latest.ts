import type { WatchError } from '../model/errors.js';
import type { Logger } from '../runtime/logger.js';
import { PullIterator } from './pullIterator.js';

/** A `Latest` that had a value from the start. */
export type LatestValue<S extends object> = {
  readonly value: S;
  onChange(listener: (value: S) => void): () => void;
} & Latest<S>;

/**
 * A value that is replaced as a whole, for any number of readers and listeners. A slow reader sees the newest value next,
 * and costs nothing meanwhile. Statuses, collections and broker lists are all kept in one of these.
 */
export class Latest<S extends object> {
  readonly #readers = new Set<PullIterator<S>>();
  /** Wrapped, because a function that listens twice is two listeners. */
  readonly #listeners = new Set<{ readonly wake: () => void }>();
  readonly #logger: Logger;
  #value: S | undefined;
  #ended: { readonly error?: WatchError } | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** One that has a value already. */
  static of<S extends object>(value: S, logger: Logger): LatestValue<S> {
    const latest = new Latest<S>(logger);
    latest.#value = value;
    return latest as LatestValue<S>;
  }

  /** The latest value; kept after the end. */
  get value(): S | undefined {
    return this.#value;
  }

  /** Set once the end was reached. */
  get ended(): { readonly error?: WatchError } | undefined {
    return this.#ended;
  }

  /** Replaces the value and wakes readers and listeners. Does nothing after the end. */
  set(value: S): void {
    if (this.#ended !== undefined) return;
    this.replace(value);
    this.wake();
  }

  /** As `set`, but readers and listeners see the value only after the next `wake`. */
  replace(value: S): void {
    if (this.#ended === undefined) this.#value = value;
  }

  /** Ends every reader; with `error`, the next wait of each rejects. Only the first call counts. */
  end(error?: WatchError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error === undefined ? {} : { error };
    for (const reader of [...this.#readers]) reader.end(error);
    this.wake();
    this.#listeners.clear();
  }

  /** Makes readers and listeners look at the value again. */
  wake(): void {
    for (const reader of [...this.#readers]) reader.serve();
    // A listener may be removed by an earlier one, as by a close() inside it: then it is not called.
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener.wake();
  }

  /** Calls back after each change and at the end. The listener must not throw. */
  subscribe(listener: () => void): () => void {
    const own = { wake: listener };
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /**
   * Calls a user's listener at each `wake`, and not at or after the end. A listener that throws is logged; the others are
   * called all the same.
   * @param listener is given the value, undefined before the first one.
   */
  onChange(listener: (value: S | undefined) => void): () => void {
    if (this.#ended !== undefined) return () => {};
    return this.subscribe(() => {
      if (this.#ended !== undefined) return;
      try {
        listener(this.#value);
      } catch (error) {
        this.#logger.error({ err: error }, 'A listener threw; the others go on.');
      }
    });
  }

  /** A new reader: the present value first, then each newer one. An abort ends it without an error. */
  read(signal?: AbortSignal): AsyncIterableIterator<S> {
    let seen: S | undefined;
    const take = (): S | undefined => {
      if (this.#value === seen) return undefined;
      seen = this.#value;
      return seen;
    };
    const reader = new PullIterator<S>({ take, onEnd: () => this.#readers.delete(reader), signal });
    if (this.#ended !== undefined) reader.end(this.#ended.error);
    else if (!reader.ended) this.#readers.add(reader);
    return reader;
  }
}
