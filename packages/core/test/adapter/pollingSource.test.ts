import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type PolledState, type PollingOptions, pollingSource, type Update } from '../../src/adapter.js';
import { systemTiming, WatchError } from '../../src/index.js';

type Read = PollingOptions['read'];

/** A source whose reads the test answers, and the updates of one watch. */
function polling(read: Read, options: Partial<PollingOptions> = {}) {
  const source = pollingSource({ intervalMs: 10, name: 'the store', read, ...options }, { timing: systemTiming });
  const abort = new AbortController();
  const updates = source.watch({ prefix: 'p/' }, { signal: abort.signal })[Symbol.asyncIterator]();
  const next = async (): Promise<Update> => {
    const { done, value } = await updates.next();
    if (done) throw new Error('the watch ended');
    return value;
  };
  return { source, abort, next };
}

const told = (update: Update) =>
  update.type === 'snapshot'
    ? [update.revision, ...Array.from(update.entries, ([key, { value }]) => `${key}=${Buffer.from(value)}`)]
    : update.type;

test('a snapshot for each difference, a bookmark for none; the target’s own keys, and the same objects', async () => {
  const states: PolledState[] = [
    {
      entries: [
        ['p/a', '1'],
        ['q/a', '1'],
      ],
    },
    {
      entries: [
        ['p/a', '1'],
        ['q/a', '2'],
      ],
    },
    {
      entries: [
        ['p/b', '1'],
        ['p/a', '1'],
      ],
    },
    { entries: [] },
  ];
  const { next } = polling(async () => states.shift() ?? { entries: [] });
  const first = await next();
  expect(told(first)).toEqual(['1', 'a=1']);
  expect(await next()).toMatchObject({ type: 'bookmark', revision: '1' });
  const second = await next();
  expect(told(second)).toEqual(['2', 'b=1', 'a=1']);
  const entry = (update: Update) => update.type === 'snapshot' && new Map(update.entries).get('a');
  expect(entry(second)).toBe(entry(first));
  expect(told(await next())).toEqual(['3']);
});

test('the tag of the last state is given back, and "unchanged" is a bookmark at its revision', async () => {
  const tags: unknown[] = [];
  const { next } = polling(async (_, { tag }) => {
    tags.push(tag);
    return tags.length === 1 ? { entries: [], revision: '70', tag: '"70"' } : 'unchanged';
  });
  expect(told(await next())).toEqual(['70']);
  expect(await next()).toMatchObject({ type: 'bookmark', revision: '70' });
  expect(tags).toEqual([undefined, '"70"']);
});

test('a revision that goes back is a snapshot, though the keys are the same: another history', async () => {
  const revisions = ['9', '10', '4'];
  const { next } = polling(async () => ({ entries: [['p/a', '1']], revision: revisions.shift() ?? '4' }));
  expect(told(await next())).toEqual(['9', 'a=1']);
  expect(await next()).toMatchObject({ type: 'bookmark', revision: '10' });
  expect(told(await next())).toEqual(['4', 'a=1']);
});

test.each([
  [
    Object.assign(new TypeError('fetch failed'), {
      cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    }),
    'UNREACHABLE',
  ],
  [new SyntaxError('Unexpected token s3cret'), 'BAD_RESPONSE'],
  [new WatchError('FORBIDDEN', 'no'), 'FORBIDDEN'],
  [new Error('a defect'), 'INTERNAL'],
  ['a string', 'INTERNAL'],
])('%o ends the attempt with %s %s', async (error, code) => {
  const { next } = polling(async () => {
    throw error;
  });
  const failure = await next().catch((thrown: WatchError) => thrown);
  expect(failure).toMatchObject({ code });
  if (code === 'BAD_RESPONSE') expect((failure as WatchError).message).not.toContain('s3cret');
});

test('a read that hangs ends with TIMEOUT, and one that ignores its signal ends with the watch', async () => {
  const { next } = polling(() => new Promise(() => {}), { timeoutMs: 20 });
  await expect(next()).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('the store') });

  const hanging = polling(() => new Promise(() => {}));
  const waiting = hanging.next();
  await pause(5);
  hanging.abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('"unchanged" without a tag is refused; so is an interval below 10 ms', async () => {
  const { next } = polling(async () => 'unchanged');
  await expect(next()).rejects.toMatchObject({ code: 'BAD_RESPONSE' });
  expect(() => polling(async () => 'unchanged', { intervalMs: 9 })).toThrow('intervalMs');
});

test('disposing of the source ends its watches, and calls close once', async () => {
  let closed = 0;
  const { source, next } = polling(async () => ({ entries: [] }), {
    intervalMs: 60_000,
    close: () => {
      closed++;
    },
  });
  await next();
  const waiting = next();
  await source[Symbol.asyncDispose]();
  await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
  expect(closed).toBe(1);
});
