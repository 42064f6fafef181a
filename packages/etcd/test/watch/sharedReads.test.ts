import { WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import type { RangeAnswer, TxnAnswer } from '../../src/rpc/messages.js';
import type { TxnRequest } from '../../src/rpc/requests.js';
import { SharedReads } from '../../src/watch/sharedReads.js';

const NEVER = new AbortController().signal;

/** Answers each range with its key as the count; refuses a transaction that has a key of `refused`. */
function reading(
  refused: Readonly<Record<string, 'FORBIDDEN' | 'TOO_LARGE' | 'UNAVAILABLE'>> = {},
  answering: Promise<void> = Promise.resolve(),
) {
  const sent: string[][] = [];
  const signals: AbortSignal[] = [];
  const reads = new SharedReads(async (ranges: TxnRequest, { signal }): Promise<TxnAnswer> => {
    const keys = ranges.map(({ key }) => Buffer.from(key).toString());
    sent.push(keys);
    signals.push(signal);
    await answering;
    for (const key of keys) if (refused[key] !== undefined) throw new WatchError(refused[key], `${key} is refused.`);
    return { header: { clusterId: '1', revision: '2' }, ranges: keys.map((count) => ({ count }) as RangeAnswer) };
  });
  const read = (keys: readonly string[], signal = NEVER) =>
    reads
      .read({ count: keys.length, ranges: () => keys.map((key) => ({ key: Buffer.from(key) })), signal })
      .then(({ ranges }) => ranges.map(({ count }) => count));
  return { reads, sent, signals, read };
}

test('reads of one turn share a transaction, and each gets its own answers', async () => {
  const { read, sent } = reading();
  expect(await Promise.all([read(['a', 'b']), read([]), read(['c'])])).toEqual([['a', 'b'], [], ['c']]);
  expect(await read(['d'])).toEqual(['d']);
  expect(sent).toEqual([['a', 'b', 'c'], ['d']]);
});

test('a transaction has 120 ranges at most, and a read is never cut in two', async () => {
  const { read, sent } = reading();
  await Promise.all(Array.from({ length: 100 }, () => read(['a', 'b', 'c'])));
  expect(sent.map(({ length }) => length)).toEqual([120, 120, 60]);
});

test('a read is told how many share, so that they ask for no more than one would', async () => {
  const { reads } = reading();
  const sharers: number[] = [];
  const read = () =>
    reads.read({
      count: 1,
      signal: NEVER,
      ranges: (count) => {
        sharers.push(count);
        return [{ key: Buffer.from('a') }];
      },
    });
  await Promise.all([read(), read(), read()]);
  expect(sharers).toEqual([3, 3, 3]);
});

test.each(['FORBIDDEN', 'TOO_LARGE'] as const)(
  'what may be the fault of one (%s) is asked for each alone',
  async (code) => {
    const { read, sent } = reading({ b: code });
    const results = await Promise.allSettled([read(['a']), read(['b']), read(['c'])]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code } });
    expect(sent).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']]);
  },
);

test('what is the fault of the server is told to all, and asked once', async () => {
  const { read, sent } = reading({ b: 'UNAVAILABLE' });
  const results = await Promise.allSettled([read(['a']), read(['b'])]);
  expect(results).toMatchObject([{ reason: { code: 'UNAVAILABLE' } }, { reason: { code: 'UNAVAILABLE' } }]);
  expect(sent).toHaveLength(1);
});

test('a watch that is closed leaves the others their answers; the call ends with the last of them', async () => {
  const [one, other, early] = [new AbortController(), new AbortController(), new AbortController()];
  early.abort(new Error('closed before'));
  const { promise, resolve } = withResolvers();
  const { read, sent, signals } = reading({}, promise);
  const results = [read(['a'], one.signal), read(['b'], other.signal), read(['c'], early.signal)];
  await expect(results[2]).rejects.toThrow('closed before');
  expect(sent).toEqual([['a', 'b']]);
  one.abort();
  expect(signals[0]?.aborted).toBe(false);
  other.abort();
  expect(signals[0]?.aborted).toBe(true);
  resolve();
  expect(await results[1]).toEqual(['b']);
});

/** Node 20 has no `Promise.withResolvers`. */
function withResolvers(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
