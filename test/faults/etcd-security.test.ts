import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APP, Guarded, OTHER } from './etcd-guarded.js';
import { openSource, type Watching } from './etcd-watching.js';

/** A fatal error is tried again at the cap of the backoff, 30 s, of which these tests wait a fiftieth. */
const PROMPT = { ...APP, random: 0.02 };

const states = ({ statuses }: Watching): string[] => statuses.map(({ state }) => state);
const failures = ({ attempts }: Watching): number => attempts.filter(({ error }) => error !== undefined).length;

describe('S50 before the first state', () => {
  let guarded: Guarded;
  beforeAll(async () => {
    guarded = await Guarded.start();
    guarded.secrets.add('the wrong password', 'wrong-secret');
  });
  afterAll(() => guarded[Symbol.asyncDispose]());

  test.each([
    ['a wrong password', { username: 'app', password: 'wrong-secret' }, 'a/', 'UNAUTHENTICATED', 'check username'],
    ['an unknown user', { username: 'nobody', password: 'wrong-secret' }, 'a/', 'UNAUTHENTICATED', 'check username'],
    ['no user', {}, 'a/', 'UNAUTHENTICATED', 'give username and password'],
    ['a prefix that is not granted', APP, 'b/', 'FORBIDDEN', 'grant the user a role'],
    ['a prefix wider than granted', APP, '', 'FORBIDDEN', 'grant the user a role'],
    ['a key beside what is granted', APP, 'a', 'FORBIDDEN', 'grant the user a role'],
  ])('%s is a clear fatal error at once', async (_, options, prefix, code, advice) => {
    const watching = guarded.watch(prefix, options);
    await expect(watching.watcher.ready()).rejects.toMatchObject({
      code,
      retryable: false,
      message: expect.stringMatching(new RegExp(`${guarded.proxy.endpoint}.*${advice}`)),
    });
    expect(watching.watcher.status.state).toBe('failed');
    expect(watching.attempts).toHaveLength(1);
    await expect(watching.watcher.read()).rejects.toMatchObject({ code });
    guarded.expectNoSecret();
  });

  test('a prefix that is refused ends its own watch and none beside it', async () => {
    const a = await guarded.started('a/');
    const b = guarded.watch('b/', { ...APP, beside: a });
    await expect(b.watcher.ready()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await a.untilRevision(await guarded.put('a/2', 'y'));
    expect(states(a)).toEqual(['live']);
    expect(a.attempts).toHaveLength(1);
    await guarded.expectServersState(a);
    guarded.expectNoSecret();
  });

  test('who shares a registry does not share its rights', async () => {
    const allowed = await guarded.started('a/');
    for (const options of [{ ...APP, password: 'wrong-secret' }, {}]) {
      const refused = guarded.watch('a/', { ...options, beside: allowed });
      await expect(refused.watcher.ready()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    expect(states(allowed)).toEqual(['live']);
  });
});

describe('S50 after the first state', () => {
  const PERMISSION = ['reader', '--prefix=true'];

  test.each([
    [
      'its role loses the prefix',
      ['role', 'revoke-permission', ...PERMISSION, 'a/'],
      ['role', 'grant-permission', ...PERMISSION, 'read', 'a/'],
    ],
    [
      'its role may only write the prefix',
      ['role', 'grant-permission', ...PERMISSION, 'write', 'a/'],
      ['role', 'grant-permission', ...PERMISSION, 'read', 'a/'],
    ],
  ])('%s: that watch alone is stale with its last good state, until it may again', async (_, revoke, grant) => {
    await using guarded = await Guarded.start({ grants: ['a/', 'b/'] });
    const a = await guarded.started('a/', PROMPT);
    const b = await guarded.started('b/', { ...APP, beside: a });
    await guarded.root(...revoke);
    guarded.proxy.drop();
    await a.untilStale('FORBIDDEN');
    const before = failures(a);
    await a.until('refused again, and again', () => failures(a) >= before + 2);
    expect(a.watcher.snapshot?.entries.size).toBe(1);

    // What is refused beside it disturbs nobody.
    await b.untilRevision(await guarded.put('b/2', 'y'));
    expect(states(b)).toEqual(['live', 'stale', 'live']);
    expect(b.attempts).toHaveLength(2);

    await guarded.put('a/2', 'y');
    await guarded.root(...grant);
    await a.untilRevision(await guarded.put('a/3', 'z'));
    expect(a.changes.map(({ type, key }) => `${type} ${key}`)).toEqual(['put 1', 'put 2', 'put 3']);
    await guarded.expectServersState(a);
    await guarded.expectServersState(b);
    guarded.expectNoSecret();
  });

  test.each([
    [
      'the user loses the role',
      'FORBIDDEN',
      (guarded: Guarded) => guarded.root('user', 'revoke-role', 'app', 'reader'),
      (guarded: Guarded) => guarded.root('user', 'grant-role', 'app', 'reader'),
    ],
    [
      'the password is changed',
      'UNAUTHENTICATED',
      (guarded: Guarded) => guarded.setPassword('app', 'new-secret'),
      (guarded: Guarded) => guarded.setPassword('app', APP.password),
    ],
    [
      'the user is deleted',
      'UNAUTHENTICATED',
      (guarded: Guarded) => guarded.root('user', 'delete', 'app'),
      async (guarded: Guarded) => {
        await guarded.root('user', 'add', `app:${APP.password}`);
        await guarded.root('user', 'grant-role', 'app', 'reader');
      },
    ],
  ])('%s: its watches are stale with their last good state, until it may again', async (_, code, take, giveBack) => {
    await using guarded = await Guarded.start({ grants: ['a/', 'b/'] });
    guarded.secrets.add('the new password', 'new-secret');
    const a = await guarded.started('a/', PROMPT);
    const b = await guarded.started('b/', { ...APP, beside: a });
    const other = await guarded.started('b/', { ...OTHER, beside: a });
    const watchings = [a, b];
    await take(guarded);
    guarded.proxy.drop();
    for (const watching of watchings) await watching.untilStale(code);
    expect(watchings.map(({ watcher }) => watcher.snapshot?.entries.size)).toEqual([1, 1]);
    // Another user of the same cluster.
    const revision = await guarded.txn({ 'a/2': 'y', 'b/2': 'y' });
    await other.untilRevision(revision);

    await giveBack(guarded);
    for (const watching of watchings) await watching.untilRevision(revision);
    for (const watching of [...watchings, other]) {
      expect(watching.changes.map(({ type, key }) => `${type} ${key}`)).toEqual(['put 1', 'put 2']);
      await guarded.expectServersState(watching);
    }
    guarded.expectNoSecret();
  });
});

describe('S52 authentication is switched on while a watch runs', () => {
  test('without a user: UNAUTHENTICATED, never a delete; switched off again, it goes on', async () => {
    await using guarded = await Guarded.start({ enabled: false });
    const a = await guarded.started('a/', { random: PROMPT.random });
    await guarded.enable();
    // etcd does not ask a watch that runs.
    await a.untilRevision(await guarded.put('a/2', 'y'));
    const late = guarded.watch('a/1', { beside: a });
    await expect(late.watcher.ready()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(states(a)).toEqual(['live']);

    guarded.proxy.drop();
    await a.untilStale('UNAUTHENTICATED');
    expect(a.watcher.snapshot?.entries.size).toBe(2);
    await guarded.put('a/3', 'z');
    await guarded.root('auth', 'disable');
    await a.untilRevision(await guarded.put('a/4', 'z'));
    expect(a.changes.map(({ type, key }) => `${type} ${key}`)).toEqual(['put 1', 'put 2', 'put 3', 'put 4']);
    await guarded.expectServersState(a);
    guarded.expectNoSecret();
  });

  test('with a user: it goes on, and so it does when authentication is switched off again', async () => {
    await using guarded = await Guarded.start({ enabled: false, grants: ['a/', 'b/'] });
    const a = await guarded.started('a/');
    await guarded.enable();
    const before = await guarded.logins();
    const b = await guarded.started('b/', { ...APP, beside: a });
    const first = await guarded.txn({ 'a/2': 'y', 'b/2': 'y' });
    for (const watching of [a, b]) await watching.untilRevision(first);
    expect([states(a), states(b)]).toEqual([['live'], ['live']]);
    expect(await guarded.logins()).toBe(before + 1);
    guarded.proxy.drop();
    const second = await guarded.txn({ 'a/3': 'z', 'b/3': 'z' });
    for (const watching of [a, b]) await watching.untilRevision(second);

    await guarded.root('auth', 'disable');
    guarded.proxy.drop();
    const last = await guarded.txn({ 'a/1': undefined, 'b/1': undefined });
    for (const watching of [a, b]) {
      await watching.untilRevision(last);
      expect(watching.deltaRevisions).toEqual([first, second, last]);
      await guarded.expectServersState(watching);
    }
    guarded.expectNoSecret();
  });
});

test('S56 a user who may read the range, and nothing else, can list, watch, resume and prove', async () => {
  await using guarded = await Guarded.start();
  const a = await guarded.started('a/');
  const second = await guarded.put('a/2', 'y');
  await a.untilRevision(second);
  guarded.proxy.drop();
  await a.until('resumed', () => a.attempts.length === 2 && a.watcher.status.state === 'live');
  await a.untilRevision(await guarded.put('a/3', 'z'));
  expect(a.attempts[1]?.from?.revision).toBe(second);
  await expect(a.watcher.read()).resolves.toMatchObject({ entries: { size: 3 } });
  await guarded.expectServersState(a);

  const { source } = openSource(guarded.url('a/'), APP);
  await expect(source.write?.put('a/1', Buffer.from('z'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(source.write?.delete('a/1')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await source[Symbol.asyncDispose]();
  await guarded.expectServersState(a);
  guarded.expectNoSecret();
});

test('a server that was restarted knows no tokens: a new login, nothing lost', async () => {
  await using guarded = await Guarded.start();
  const a = await guarded.started('a/');
  await guarded.restart();
  const revision = await guarded.put('a/2', 'y');
  await a.untilRevision(revision);
  expect(await guarded.logins()).toBe(1);
  expect(a.deltaRevisions).toEqual([revision]);
  await guarded.expectServersState(a);
});
