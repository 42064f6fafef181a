import { untilAborted } from './abort.js';

/**
 * Takes items until the iteration ends or the signal aborts, even if the iterator ignores the signal and hangs.
 * @param take returns `'enough'` to end the iteration.
 * @throws what the iteration or `take` throws; the signal's reason when it aborts.
 */
export async function pull<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
  take: (item: T) => 'enough' | undefined | Promise<'enough' | undefined>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const result = await untilAborted(iterator.next(), signal);
      if (result.done || (await take(result.value)) === 'enough') return;
    }
  } finally {
    // Not awaited: the return() of a generator waits for its next(), which may hang.
    iterator.return?.().catch(() => {});
  }
}
