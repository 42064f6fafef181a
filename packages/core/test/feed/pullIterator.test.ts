import { expect, test } from 'vitest';
import { Latest } from '../../src/feed/latest.js';
import { PullIterator } from '../../src/feed/pullIterator.js';
import { silentLogger } from '../../src/internal.js';

function numbers(signal?: AbortSignal) {
  const queue: { n: number }[] = [];
  let ends = 0;
  const iterator = new PullIterator({ take: () => queue.shift(), onEnd: () => ends++, signal });
  const give = (n: number): void => {
    queue.push({ n });
    iterator.serve();
  };
  return { iterator, give, ends: () => ends };
}

test('waits in order, and return() ends a wait that is under way', async () => {
  const { iterator, give, ends } = numbers();
  const waits = [iterator.next(), iterator.next(), iterator.next()];
  give(1);
  give(2);
  await iterator.return();
  await iterator.return();
  expect(await Promise.all(waits)).toEqual([
    { done: false, value: { n: 1 } },
    { done: false, value: { n: 2 } },
    { done: true, value: undefined },
  ]);
  give(3);
  expect(await iterator.next()).toMatchObject({ done: true });
  expect(ends()).toBe(1);
});

test('a signal that is aborted before the start, or later, ends without an error', async () => {
  const early = numbers(AbortSignal.abort());
  expect(await early.iterator.next()).toMatchObject({ done: true });
  expect(await new Latest<{ n: number }>(silentLogger).read(AbortSignal.abort()).next()).toMatchObject({ done: true });
  const stop = new AbortController();
  const late = numbers(stop.signal);
  const wait = late.iterator.next();
  stop.abort();
  expect(await wait).toMatchObject({ done: true });
  expect(late.ends()).toBe(1);
});
