/** The promise's outcome, or a rejection with the signal's reason as soon as it aborts. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', abort);
    promise.then(resolve, reject).then(settled, settled);
  });
}

/** An abort that follows others and can be let go of. `AbortSignal.any` on Node 20 stays with a long-lived signal. */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #follow = (event: Event): void => this.abort((event.target as AbortSignal).reason);

  constructor(...sources: readonly AbortSignal[]) {
    this.#sources = sources;
    for (const source of sources) {
      if (source.aborted) this.abort(source.reason);
      source.addEventListener('abort', this.#follow, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  /** Lets go of the others. */
  [Symbol.dispose](): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#follow);
  }
}

/**
 * A generator that ends at once when it is told to, also while a `next()` waits: a plain one's `return()` would wait
 * with it. The generator must end by itself when its signal aborts.
 */
export function interruptible<T>(abort: LinkedAbort, generator: AsyncGenerator<T>): AsyncIterableIterator<T> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      let done: boolean | undefined = true;
      try {
        const result = await generator.next();
        done = result.done;
        return result;
      } finally {
        if (done) abort[Symbol.dispose]();
      }
    },
    return() {
      abort.abort();
      abort[Symbol.dispose]();
      return generator.return(undefined);
    },
  };
}
