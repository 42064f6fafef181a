import { WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import { makeTokenKeys } from '../support/token-keys.js';
import { APP, Guarded } from './etcd-guarded.js';
import type { Watching } from './etcd-watching.js';

/** @param life as Go writes durations; etcd cuts the end to a whole second, so that a token lives up to a second less. */
async function jwt(life: string): Promise<string[]> {
  const { publicKeyFile, privateKeyFile } = await makeTokenKeys();
  return [`--auth-token=jwt,pub-key=${publicKeyFile},priv-key=${privateKeyFile},sign-method=RS256,ttl=${life}`];
}

const states = ({ statuses }: Watching): string[] => statuses.map(({ state }) => state);

// Together, since they mostly wait.
test.concurrent.each([
  ['simple token', async () => ['--auth-token-ttl=1']],
  ['JWT', () => jwt('2s')],
])('S51 a %s expires while it is watched: one new login for all, and nothing lost', async (_, flags) => {
  await using guarded = await Guarded.start({ flags: await flags(), grants: ['a/', 'b/', 'c/'] });
  const a = await guarded.started('a/');
  const b = await guarded.started('b/', { ...APP, beside: a });
  expect(await guarded.logins()).toBe(1);
  await guarded.untilTokensExpired();

  // Watches that run are not asked for their token again.
  const second = await guarded.put('a/2', 'y');
  await a.untilRevision(second);
  expect(await guarded.logins()).toBe(1);

  const c = await guarded.started('c/', { ...APP, beside: a });
  const third = await guarded.put('c/2', 'y');
  await c.untilRevision(third);
  const reads = await Promise.all(Array.from({ length: 20 }, () => a.watcher.read()));
  expect(new Set(reads.map(({ entries }) => entries.size))).toEqual(new Set([2]));
  expect([states(a), states(b), states(c)]).toEqual([['live'], ['live'], ['live']]);
  expect(await guarded.logins()).toBe(2);
  await guarded.untilTokensExpired();

  await guarded.proxy.cut();
  const last = await guarded.txn({ 'a/1': undefined, 'a/3': 'z', 'b/2': 'y', 'c/1': 'z' });
  await guarded.proxy.resume();
  for (const watching of [a, b, c]) await watching.untilRevision(last);
  expect(await guarded.logins()).toBe(3);
  expect(guarded.tokens).toHaveLength(3);
  expect([a.deltaRevisions, b.deltaRevisions, c.deltaRevisions]).toEqual([[second, last], [last], [third, last]]);
  for (const watching of [a, b, c]) await guarded.expectServersState(watching);
  guarded.expectNoSecret();
});

test('S51 a JWT is out of date as soon as any user or role changes: one new login for all', async () => {
  await using guarded = await Guarded.start({ flags: await jwt('10m'), grants: ['a/', 'b/', 'c/'] });
  const a = await guarded.started('a/');
  const b = await guarded.started('b/', { ...APP, beside: a });
  await guarded.root('role', 'add', 'unrelated');
  const c = await guarded.started('c/', { ...APP, beside: a });
  await c.untilRevision(await guarded.put('c/2', 'y'));
  await expect(a.watcher.read()).resolves.toMatchObject({ entries: { size: 1 } });
  expect([states(a), states(b), states(c)]).toEqual([['live'], ['live'], ['live']]);
  expect(await guarded.logins()).toBe(2);

  await guarded.root('role', 'delete', 'unrelated');
  guarded.proxy.drop();
  const last = await guarded.txn({ 'a/1': 'y', 'b/1': 'y', 'c/1': 'y' });
  for (const watching of [a, b, c]) await watching.untilRevision(last);
  expect(await guarded.logins()).toBe(3);
  for (const watching of [a, b, c]) await guarded.expectServersState(watching);
  guarded.expectNoSecret();
});

test('S51 200 watches of 200 prefixes that come back at once log in once', async () => {
  const prefixes = Array.from({ length: 200 }, (_, index) => `p/${index}/`);
  await using guarded = await Guarded.start({ grants: ['p/'] });
  const first = await guarded.started('p/0/');
  const watchings = [first, ...prefixes.slice(1).map((prefix) => guarded.watch(prefix, { ...APP, beside: first }))];
  await Promise.all(watchings.map(({ watcher }) => watcher.ready()));
  expect(await guarded.logins()).toBe(1);

  const lose = async (fault: () => unknown): Promise<void> => {
    const before = watchings.map(({ statuses }) => statuses.length);
    await fault();
    await Promise.all(
      watchings.map((watching, index) =>
        watching.until('back', () => {
          const since = watching.statuses.slice(before[index]).map(({ state }) => state);
          return since.includes('stale') && since.at(-1) === 'live';
        }),
      ),
    );
  };
  await lose(() => guarded.proxy.drop());
  expect(await guarded.logins()).toBeLessThanOrEqual(2);
  // A server that has just started knows no simple token.
  await lose(() => guarded.restart());
  expect(await guarded.logins()).toBe(1);

  const revision = await guarded.txn({ 'p/0/k': 'x', 'p/123/k': 'y', 'p/199/k': 'z' });
  for (const index of [0, 123, 199]) await watchings[index]?.untilRevision(revision);
  expect(await guarded.logins()).toBe(1);
  guarded.expectNoSecret();
}, 60_000);

test('S51 a right that is refused again and again is not a new login each time', async () => {
  await using guarded = await Guarded.start();
  const a = await guarded.started('a/', { ...APP, random: 0.02 });
  await guarded.root('role', 'revoke-permission', 'reader', '--prefix=true', 'a/');
  guarded.proxy.drop();
  await a.untilStale('FORBIDDEN');
  const before = await guarded.logins();
  const refused = (): number => a.attempts.filter(({ error }) => WatchError.from(error).code === 'FORBIDDEN').length;
  const enough = refused() + 4;
  await a.until('refused four times more', () => refused() >= enough);
  expect(await guarded.logins()).toBeLessThanOrEqual(before + 1);
});
