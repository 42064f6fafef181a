import { WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import { Login } from '../../src/rpc/login.js';

/** Gives t1, t2, …, each when it is told to. */
class Server {
  asked = 0;
  readonly #answers: ((error?: Error) => void)[] = [];

  readonly authenticate = (): Promise<string> => {
    const token = `t${++this.asked}`;
    return new Promise((resolve, reject) => {
      this.#answers.push((error) => (error ? reject(error) : resolve(token)));
    });
  };

  answer(error?: Error): void {
    for (const answer of this.#answers.splice(0)) answer(error);
  }
}

test('many callers, one login', async () => {
  const server = new Server();
  const login = new Login(server.authenticate);
  expect(login.held).toBe(false);
  const tokens = Promise.all([login.token(), login.token(), login.token()]);
  server.answer();
  expect(await tokens).toEqual(['t1', 't1', 't1']);
  expect(server.asked).toBe(1);
  expect(login.held).toBe(true);
});

test('200 callers whose token died: one new login', async () => {
  const server = new Server();
  const login = new Login(server.authenticate);
  const first = login.token();
  server.answer();
  const renewed = Promise.all(Array.from({ length: 200 }, async () => login.renew(await first)));
  await expect.poll(() => server.asked).toBe(2);
  server.answer();
  expect(new Set(await renewed)).toEqual(new Set(['t2']));
  expect(await login.renew('t1')).toBe('t2');
  expect(server.asked).toBe(2);
});

test('a failed login is told to all who waited and is not kept', async () => {
  const server = new Server();
  const login = new Login(server.authenticate);
  const failed = Promise.allSettled([login.token(), login.token()]);
  server.answer(new Error('no'));
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const again = login.token();
  server.answer();
  expect(await again).toBe('t2');
});

test('a refusal stands for 5 s, for however many ask', async () => {
  const server = new Server();
  let now = 0;
  const login = new Login(server.authenticate, () => now);
  const refused = login.token();
  server.answer(new WatchError('UNAUTHENTICATED', 'no'));
  await expect(refused).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  now = 4_999;
  await expect(login.token()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(server.asked).toBe(1);
  now = 5_000;
  const again = login.token();
  server.answer();
  await expect(again).resolves.toBe('t2');
});
