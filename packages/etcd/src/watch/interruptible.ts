import type { LinkedAbort } from '@rollcall/core/internal';

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
      return generator.return(undefined);
    },
  };
}
