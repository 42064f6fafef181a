import { expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { openSource, put } from './etcd-watching.js';

test('S11 the last watch leaves its stream while another is about to be created: that one gets a stream', async () => {
  await using etcd = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  const revision = await put(etcd, 'b/1', 'x');
  const { source } = openSource(`etcd://${etcd.endpoint}/a/`);
  const begin = (prefix: string, from?: { revision: string }) => {
    const abort = new AbortController();
    const updates = source.watch({ prefix }, { signal: abort.signal, ...(from && { from }) });
    return { abort, updates: updates[Symbol.asyncIterator]() };
  };
  const outcomes = [];
  // At whichever point of the other's way to the stream it leaves.
  for (let reactions = 0; reactions < 40; reactions++) {
    const leaving = begin('a/');
    await leaving.updates.next();
    const left = leaving.updates.next();
    const coming = begin('b/', { revision });
    const first = coming.updates.next().then(({ value }) => value?.type, String);
    for (let i = 0; i < reactions; i++) await null;
    leaving.abort.abort();
    outcomes.push(await first);
    await coming.updates.return?.();
    await left;
  }
  expect(new Set(outcomes)).toEqual(new Set(['alive']));
  await source[Symbol.asyncDispose]();
});
