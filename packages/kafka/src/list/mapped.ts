/**
 * An iterator whose values are mapped. An async generator would not do: its `return()` waits for a pending `next()`, so
 * a reader of a list that does not change could not stop.
 */
export function mapped<A, B>(source: AsyncIterableIterator<A>, map: (value: A) => B): AsyncIterableIterator<B> {
  const each = async (result: Promise<IteratorResult<A, unknown>>): Promise<IteratorResult<B, undefined>> => {
    const { done, value } = await result;
    return done ? { done: true, value: undefined } : { done: false, value: map(value) };
  };
  const mapping: AsyncIterableIterator<B> = {
    next: () => each(source.next()),
    return: () => each(source.return?.() ?? Promise.resolve({ done: true, value: undefined })),
    [Symbol.asyncIterator]: () => mapping,
  };
  return mapping;
}
