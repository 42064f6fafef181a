import { WatchError } from './errors.js';
import type { Timing } from './timing.js';
import type { Batch, ReadOptions } from './types.js';
import { batchBetween, type View } from './view.js';

/** A quiet period may hold a change back for this many quiet periods at most, unless told otherwise. */
const DEFAULT_MAX_QUIET_PERIODS = 10;

interface Waiter {
  resolve(result: IteratorResult<Batch>): void;
  reject(error: unknown): void;
}

/** Where a reader finds the present. */
export interface ReaderHost {
  readonly view: View | undefined;
  readonly timing: Timing;
  forget(reader: Reader): void;
}

/**
 * One consumer's iterator. Costs the view it saw last, never a queue. Written by hand because a generator's `return()`
 * hangs while its `next()` waits.
 */
export class Reader implements AsyncIterableIterator<Batch> {
  readonly #host: ReaderHost;
  readonly #quietMs: number;
  readonly #maxQuietMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #waiters: Waiter[] = [];
  #seen: View | undefined;
  /** When the first change this reader has not seen came, and the latest. */
  #unseen: { readonly first: number; readonly last: number } | undefined;
  #cancelTimer: (() => void) | undefined;
  #ended: { readonly error?: WatchError } | undefined;

  constructor(host: ReaderHost, options: ReadOptions) {
    this.#host = host;
    this.#quietMs = nonNegative('quietMs', options.quietMs ?? 0);
    this.#maxQuietMs = nonNegative('maxQuietMs', options.maxQuietMs ?? this.#quietMs * DEFAULT_MAX_QUIET_PERIODS);
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal?.aborted) this.end();
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Batch>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<Batch>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The host's view has an observable change. */
  changed(): void {
    const now = this.#host.timing.now();
    this.#unseen = { first: this.#unseen?.first ?? now, last: now };
    this.#serve();
  }

  /** The host's view moved without an observable change (a bookmark, a new epoch with the same content). */
  moved(): void {
    const { view } = this.#host;
    if (view !== undefined && this.#seen?.version === view.version) this.#seen = view;
  }

  /** Nothing is delivered after this. With an error the next wait rejects once, then the iteration is over. */
  end(error?: WatchError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error === undefined ? {} : { error };
    this.#cancelTimer?.();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#host.forget(this);
    this.#serve();
  }

  #onAbort = (): void => this.end();

  #serve(): void {
    while (this.#waiters.length > 0) {
      const result = this.#take();
      if (result === undefined) return;
      const waiter = this.#waiters.shift();
      if (result instanceof WatchError) waiter?.reject(result);
      else waiter?.resolve(result);
    }
  }

  #take(): IteratorResult<Batch> | WatchError | undefined {
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      this.#ended = {};
      return error ?? { done: true, value: undefined };
    }
    const { view } = this.#host;
    if (view === undefined || this.#mustStayQuiet()) return undefined;
    const batch = batchBetween(this.#seen, view);
    this.#seen = view;
    this.#unseen = undefined;
    return batch && { done: false, value: batch };
  }

  /** Whether the quiet period is still running; then a timer serves when it is over. The first batch never waits. */
  #mustStayQuiet(): boolean {
    this.#cancelTimer?.();
    if (this.#seen === undefined || this.#unseen === undefined || this.#quietMs === 0) return false;
    const due = Math.min(this.#unseen.last + this.#quietMs, this.#unseen.first + this.#maxQuietMs);
    const waitMs = due - this.#host.timing.now();
    if (waitMs <= 0) return false;
    this.#cancelTimer = this.#host.timing.schedule(waitMs, () => this.#serve());
    return true;
  }
}

function nonNegative(name: string, ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new WatchError('INVALID_OPTION', `${name} must be a number of milliseconds, 0 or more; it is ${ms}.`);
}
