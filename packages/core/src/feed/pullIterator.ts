import type { WatchError } from '../model/errors.js';

interface PendingNext<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}

interface PullOptions<T> {
  /** The next value; undefined if there is none yet. */
  take(): T | undefined;
  /** Called once, at the end. */
  onEnd(): void;
  /** An abort ends the iteration without an error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An iterator that takes a value only when `next()` is called, so that it queues none. Not a generator: a generator's
 * `return()` waits for a pending `next()`.
 */
export class PullIterator<T extends object> implements AsyncIterableIterator<T> {
  readonly #options: PullOptions<T>;
  readonly #waiters: PendingNext<T>[] = [];
  #ended: { readonly error?: WatchError } | undefined;

  constructor(options: PullOptions<T>) {
    this.#options = options;
    // The signal was aborted before: there is no listener to remove.
    if (options.signal?.aborted) this.#ended = {};
    else options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether a `next()` is pending. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.serve();
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Resolves pending `next()` calls, as far as there are values. */
  serve(): void {
    while (this.#waiters.length > 0) {
      if (this.#ended !== undefined) this.#serveEnd(this.#ended);
      else {
        const value = this.#options.take();
        if (value === undefined) return;
        this.#waiters.shift()?.resolve({ done: false, value });
      }
    }
  }

  /** Ends the iteration. With an error, one `next()` rejects first. */
  end(error?: WatchError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error === undefined ? {} : { error };
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.onEnd();
    this.serve();
  }

  #onAbort = (): void => this.end();

  #serveEnd({ error }: { readonly error?: WatchError }): void {
    this.#ended = {};
    const waiter = this.#waiters.shift();
    if (error === undefined) waiter?.resolve({ done: true, value: undefined });
    else waiter?.reject(error);
  }
}
