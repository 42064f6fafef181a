import { getEventListeners } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { Output } from '../src/output/output.js';
import { inTime } from '../src/session/session.js';

const session = () => ({ out: new Output(new PassThrough(), new AbortController().signal) });

it('a question that is answered leaves no listener behind, so that any number of them cost no memory', async () => {
  const asked: AbortSignal[] = [];
  const ask = async (signal: AbortSignal): Promise<string> => {
    asked.push(signal);
    return 'answer';
  };
  expect(await inTime(session(), { defaultMs: 10_000, whom: 'etcd://h/a' }, ask)).toBe('answer');
  expect(asked.flatMap((signal) => getEventListeners(signal, 'abort'))).toEqual([]);
});

it('a question that is not answered is TIMEOUT, and its signal tells who asked', async () => {
  let reason: unknown;
  const never = (signal: AbortSignal): Promise<never> =>
    new Promise(() => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
    });
  await expect(inTime(session(), { defaultMs: 20, whom: 'etcd://h/a' }, never)).rejects.toMatchObject({
    code: 'TIMEOUT',
  });
  expect(reason).toMatchObject({ code: 'TIMEOUT' });
});
