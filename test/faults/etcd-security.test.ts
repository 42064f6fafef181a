import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { ConnectOptions } from '@rollcall/core';
import { describe, expect, test } from 'vitest';
import { makeCertificates } from '../support/certificates.js';
import { type Etcd, type EtcdOptions, startEtcd } from '../support/etcd.js';
import { freePort } from '../support/ports.js';
import { startProxy } from '../support/proxy.js';
import { openSource, put, Watching } from './etcd-watching.js';

const ROOT = { user: 'root:root-secret' };
const APP: ConnectOptions = { username: 'app', password: 'app-secret' };

/** An etcd with authentication, where the user `app` may read `a/` and nothing else. */
async function startGuarded(options: EtcdOptions = {}): Promise<Etcd> {
  const etcd = await startEtcd(options);
  await put(etcd, 'a/1', 'x');
  for (const command of [
    'user add root:root-secret',
    'user grant-role root root',
    'role add reader',
    'role grant-permission reader --prefix=true read a/',
    'user add app:app-secret',
    'user grant-role app reader',
    'auth enable',
  ]) {
    await etcd.etcdctl(command.split(' '));
  }
  return etcd;
}

describe('authentication', () => {
  test('S56 a user who may read the range, and nothing else, can list, watch, resume and prove', async () => {
    await using etcd = await startGuarded();
    await using proxy = await startProxy(etcd);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`, APP);
    await watching.watcher.ready();
    await watching.untilRevision(await put(etcd, 'a/2', 'y', ROOT));
    proxy.drop();
    await watching.until('resumed', () => watching.attempts.length === 2 && watching.watcher.status.state === 'live');
    await watching.untilRevision(await put(etcd, 'a/3', 'z', ROOT));
    expect(watching.attempts[1]?.from?.revision).toBe('3');
    await watching.expectServersState(etcd, ROOT);
  });

  test.each([
    ['S50 a wrong password', { username: 'app', password: 'wrong-secret' }, 'a/', 'UNAUTHENTICATED'],
    ['S50 an unknown user', { username: 'nobody', password: 'wrong-secret' }, 'a/', 'UNAUTHENTICATED'],
    ['S50 no user', {}, 'a/', 'UNAUTHENTICATED'],
    ['S50 a prefix that is not granted', APP, 'b/', 'FORBIDDEN'],
    ['S50 a prefix wider than granted', APP, '', 'FORBIDDEN'],
  ])('%s is a clear fatal error, without a secret in it', async (_, options, path, code) => {
    await using etcd = await startGuarded();
    await using watching = new Watching(`etcd://${etcd.endpoint}/${path}`, options);
    const error = await watching.watcher.ready().then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toContain(etcd.endpoint);
    expect(`${error.stack} ${JSON.stringify(error)} ${error.cause?.stack}`).not.toMatch(/secret/);
    expect(watching.watcher.status.state).toBe('failed');
  });

  test('S50 a permission that is revoked: the last good state stays, stale; granted again, it goes on', async () => {
    await using etcd = await startGuarded();
    await using proxy = await startProxy(etcd);
    await using watching = new Watching(`etcd://${proxy.endpoint}/a/`, { ...APP, random: 0.02 });
    await watching.watcher.ready();
    await etcd.etcdctl(['user', 'revoke-role', 'app', 'reader'], ROOT);
    proxy.drop();
    await watching.until('forbidden', () => {
      const { status } = watching.watcher;
      return status.state === 'stale' && status.code === 'FORBIDDEN';
    });
    expect(watching.watcher.snapshot?.entries.size).toBe(1);
    await etcd.etcdctl(['user', 'grant-role', 'app', 'reader'], ROOT);
    await watching.untilRevision(await put(etcd, 'a/2', 'y', ROOT));
    expect(watching.changes.map(({ type }) => type)).toEqual(['put', 'put']);
    await watching.expectServersState(etcd, ROOT);
  });

  test('a token that died is replaced, by one login for all who share the connection', async () => {
    await using etcd = await startGuarded();
    const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`, APP);
    const read = () => source.read?.(target, { signal: new AbortController().signal });
    const reads = () => Promise.all(Array.from({ length: 20 }, read));
    await reads();
    expect(await logins(etcd)).toBe(1);
    // A new password, though the same, ends the user's tokens.
    await etcd.etcdctl(['user', 'passwd', 'app', '--interactive=false'], { ...ROOT, input: 'app-secret' });
    const before = await logins(etcd);
    const answers = await reads();
    expect(answers.map((answer) => answer?.revision)).toEqual(Array(20).fill('2'));
    expect((await logins(etcd)) - before).toBe(1);
    await source[Symbol.asyncDispose]();
  });

  test('a server that was restarted knows no tokens: a new login, nothing lost', async () => {
    await using etcd = await startGuarded();
    await using watching = new Watching(`etcd://${etcd.endpoint}/a/`, APP);
    await watching.watcher.ready();
    await etcd.restart();
    await watching.untilRevision(await put(etcd, 'a/2', 'y', ROOT));
    expect(watching.deltaRevisions).toEqual(['3']);
    await watching.expectServersState(etcd, ROOT);
  });

  test('a user is no error where authentication is off; switched on meanwhile, the same watch logs in', async () => {
    await using etcd = await startGuarded();
    await etcd.etcdctl(['auth', 'disable'], ROOT);
    const { source, target } = openSource(`etcd://${etcd.endpoint}/a/`, APP);
    const { signal } = new AbortController();
    await expect(source.read?.(target, { signal })).resolves.toMatchObject({ revision: '2' });
    await etcd.etcdctl(['auth', 'enable']);
    await expect(source.read?.(target, { signal })).resolves.toMatchObject({ revision: '2' });
    await expect(source.write?.put('a/1', Buffer.from('y'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await source[Symbol.asyncDispose]();
  });
});

/** How many logins etcd has served, by its own count (those of etcdctl too). */
async function logins(etcd: Etcd): Promise<number> {
  const metrics = await (await fetch(`http://${etcd.endpoint}/metrics`)).text();
  return Number(
    /grpc_server_handled_total\{grpc_code="OK",grpc_method="Authenticate".*\} (\d+)/.exec(metrics)?.[1] ?? 0,
  );
}

describe('S53 TLS', () => {
  const codeOf = async (url: string, options: ConnectOptions): Promise<string> => {
    const { source, target } = openSource(url, options);
    try {
      const { entries } = (await source.read?.(target, { signal: new AbortController().signal })) ?? {};
      return `${[...(entries ?? [])].length} keys`;
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`;
    } finally {
      await source[Symbol.asyncDispose]();
    }
  };

  test('with a client certificate, by address, by name and by another name; each mistake is its own error', async () => {
    const tls = await makeCertificates();
    const foreign = await makeCertificates();
    await using etcd = await startEtcd({ tls });
    await etcd.etcdctl(['put', 'a/1', 'x']);
    const { ca, cert, key } = tls.client;
    const url = `etcds://${etcd.endpoint}/a/`;

    expect(await codeOf(url, { tls: tls.client })).toBe('1 keys');
    expect(await codeOf(`etcds://localhost:${etcd.port}/a/`, { tls: tls.client })).toBe('1 keys');
    expect(await codeOf(url, { tls: { ...tls.client, serverName: 'localhost' } })).toBe('1 keys');
    expect(await codeOf(url, { tls: { cert, key, insecureSkipVerify: true } })).toBe('1 keys');

    expect(await codeOf(url, { tls: { ...tls.client, ca: foreign.client.ca } })).toMatch(/^TLS: .*tls\.ca/);
    expect(await codeOf(url, { tls: { cert, key } })).toMatch(/^TLS: .*tls\.ca/);
    expect(await codeOf(url, { tls: { ...tls.client, serverName: 'elsewhere' } })).toMatch(/^TLS: .*serverName/);
    expect(await codeOf(url, { tls: { ca } })).toMatch(/^TLS: .*certificate/);
    expect(await codeOf(url, { tls: { ca, cert: foreign.client.cert, key: foreign.client.key } })).toMatch(
      /^TLS: .*certificate/,
    );
    expect(await codeOf(`etcd://${etcd.endpoint}/a/`, {})).toMatch(/^TLS: .*etcds:/);
    const broken = { ca, cert, key: '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n' };
    expect(await codeOf(url, { tls: broken })).toMatch(/^INVALID_OPTION: (?!.*hunter2)/);
  });

  test('TLS spoken to a plain port', async () => {
    await using etcd = await startEtcd();
    expect(await codeOf(`etcds://${etcd.endpoint}/a/`, {})).toMatch(/^TLS: .*speak TLS/);
  });

  test('a server that takes connections and ends them, as one that goes down, is no mistake in TLS', async () => {
    const leaving = createServer((socket) => socket.on('error', () => {}).end());
    const port = await freePort();
    await once(leaving.listen(port, '127.0.0.1'), 'listening');
    expect(await codeOf(`etcd://127.0.0.1:${port}/a/`, {})).toMatch(/^UNREACHABLE: /);
    expect(await codeOf(`etcds://127.0.0.1:${port}/a/`, {})).toMatch(/^UNREACHABLE: /);
    leaving.close();
  });

  test('a certificate that has expired', async () => {
    const tls = await makeCertificates();
    const expired = await makeCertificates({ serverDays: -1 });
    await using etcd = await startEtcd({ tls });
    // etcd reads them anew at each handshake.
    await copyFile(expired.serverCertFile, tls.serverCertFile);
    await copyFile(expired.serverKeyFile, tls.serverKeyFile);
    const { cert, key } = tls.client;
    const options = { tls: { ca: expired.client.ca, cert, key } };
    expect(await codeOf(`etcds://${etcd.endpoint}/a/`, options)).toMatch(/^TLS: .*dates.*expired/);
  });

  test('a member with a bad certificate does not end what another can serve', async () => {
    const tls = await makeCertificates();
    const foreign = await makeCertificates();
    await using bad = await startEtcd({ tls: foreign });
    await using good = await startEtcd({ tls });
    await good.etcdctl(['put', 'a/1', 'x']);
    await using watching = new Watching(`etcds://${bad.endpoint},${good.endpoint}/a/`, { tls: tls.client });
    await watching.watcher.ready();
    await watching.until('the first batch', () => watching.batches.length === 1);
    await watching.expectServersState(good);
  });
});
