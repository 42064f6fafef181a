import { once } from 'node:events';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import type { ConnectOptions } from '@rollcall/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates, replaceServerCertificate } from '../support/certificates.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { inOrder } from '../support/in-order.js';
import { freePort } from '../support/ports.js';
import { Secrets } from '../support/secrets.js';
import { put, Watching } from './etcd-watching.js';

/** How soon a mistake must be told, ms: somebody waits for it. */
const FAST_MS = 2_000;

/** S55: nothing that was logged, thrown or told holds a private key. */
function expectNoKey({ log, statuses, attempts }: Watching, ...certificates: Certificates[]): void {
  const secrets = new Secrets();
  for (const { client } of certificates) secrets.add('a private key', client.key);
  expect(secrets.foundIn(log, statuses, attempts)).toEqual([]);
}

describe('S53 TLS', () => {
  let tls: Certificates;
  let foreign: Certificates;
  let etcd: Etcd;
  beforeAll(async () => {
    [tls, foreign] = await Promise.all([makeCertificates(), makeCertificates()]);
    etcd = await startEtcd({ tls });
    await put(etcd, 'a/1', 'x');
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  async function expectFatal(url: string, options: ConnectOptions, code: string, says: RegExp): Promise<void> {
    await using watching = new Watching(url, options);
    const began = performance.now();
    await expect(watching.watcher.ready()).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect(performance.now() - began).toBeLessThan(FAST_MS);
    expect(watching.watcher.status.state).toBe('failed');
    await expect(watching.watcher.read()).rejects.toMatchObject({ code });
    expectNoKey(watching, tls, foreign);
  }

  test.each<[string, string, () => ConnectOptions]>([
    ['by address', '127.0.0.1', () => ({ tls: tls.client })],
    ['by name', 'localhost', () => ({ tls: tls.client })],
    ['by address, verified by name', '127.0.0.1', () => ({ tls: { ...tls.client, serverName: 'localhost' } })],
  ])('with a client certificate, %s: works', async (_, host, options) => {
    await using watching = await Watching.started(`etcds://${host}:${etcd.port}/a/`, options());
    await watching.untilRevision(await put(etcd, 'a/2', 'y'));
    await watching.expectServersState(etcd);
    expectNoKey(watching, tls);
  });

  test.each<[string, RegExp, () => ConnectOptions]>([
    ['another authority', /tls\.ca/, () => ({ tls: { ...tls.client, ca: foreign.client.ca } })],
    ['no authority', /tls\.ca/, () => ({ tls: { cert: tls.client.cert, key: tls.client.key } })],
    ['no options at all', /tls\.ca/, () => ({})],
    [
      'a name that the certificate does not have',
      /tls\.serverName.*elsewhere\.example/,
      () => ({ tls: { ...tls.client, serverName: 'elsewhere.example' } }),
    ],
    ['no client certificate', /client certificate/, () => ({ tls: { ca: tls.client.ca } })],
    [
      'a client certificate of another authority',
      /client certificate/,
      () => ({ tls: { ...foreign.client, ca: tls.client.ca } }),
    ],
  ])('%s: a clear error, fast', async (_, says, options) => {
    await expectFatal(`etcds://${etcd.endpoint}/a/`, options(), 'TLS', says);
  });

  test('plain text to TLS: a clear error, fast', async () => {
    await expectFatal(`etcd://${etcd.endpoint}/a/`, {}, 'TLS', /write etcds:/);
  });

  test('TLS to plain text: a clear error, fast', async () => {
    await using plain = await startEtcd();
    await expectFatal(`etcds://${plain.endpoint}/a/`, { tls: tls.client }, 'TLS', /does not speak TLS; write etcd:/);
  });

  test.each<[string, () => ConnectOptions]>([
    ['a key that is none', () => ({ tls: { ...tls.client, key: tls.client.key.replaceAll('M', 'N') } })],
    ['the key of another certificate', () => ({ tls: { ...tls.client, key: foreign.client.key } })],
  ])('%s: an option that cannot be used', async (_, options) => {
    await expectFatal(`etcds://${etcd.endpoint}/a/`, options(), 'INVALID_OPTION', /tls\.key/);
  });

  test('a certificate that has expired: a clear error, fast', async () => {
    const own = await makeCertificates();
    await using server = await startEtcd({ tls: own });
    // etcd reads the files anew at each handshake.
    await replaceServerCertificate(own, await makeCertificates({ authority: own, serverDays: -1 }));
    await expectFatal(`etcds://${server.endpoint}/a/`, { tls: own.client }, 'TLS', /dates.*expired/);
  });

  test('a server that takes connections and ends them, as one that goes down, is no mistake in TLS', async () => {
    const leaving = createServer((socket) => socket.on('error', () => {}).end());
    const port = await freePort();
    await once(leaving.listen(port, '127.0.0.1'), 'listening');
    for (const scheme of ['etcd', 'etcds']) {
      await using watching = new Watching(`${scheme}://127.0.0.1:${port}/a/`);
      await watching.until('a failure', () => watching.statuses.length > 0);
      expect(watching.watcher.status).toMatchObject({ state: 'connecting', error: { code: 'UNREACHABLE' } });
    }
    leaving.close();
  });

  test('a member with a bad certificate does not end what another can serve', async () => {
    await using bad = await startEtcd({ tls: foreign });
    const endpoints = [bad.endpoint, etcd.endpoint];
    const options = { tls: tls.client, random: 0 };
    await using watching = inOrder(endpoints, () => new Watching(`etcds://${endpoints}/a/`, options));
    await watching.watcher.ready();
    await watching.until('the first batch', () => watching.batches.length === 1);
    expect(watching.attempts.map(({ error }) => error)).toMatchObject([
      { code: 'UNREACHABLE', message: expect.stringContaining(bad.endpoint), cause: { code: 'TLS' } },
      undefined,
    ]);
    await watching.expectServersState(etcd);
  });

  test('insecureSkipVerify takes any certificate, and says so loudly, once for all watches of a cluster', async () => {
    const { cert, key } = tls.client;
    const options = { tls: { cert, key, ca: foreign.client.ca, serverName: 'elsewhere', insecureSkipVerify: true } };
    await using watching = await Watching.started(`etcds://${etcd.endpoint}/a/`, options);
    await using beside = await Watching.started(`etcds://${etcd.endpoint}/a/1`, { ...options, beside: watching });
    await watching.expectServersState(etcd);
    expect(beside.model.size).toBe(1);
    const loud = watching.log.map((line) => inspect(line)).filter((line) => line.includes('NOT verified'));
    expect(loud).toEqual([expect.stringMatching(/'warn'.*insecureSkipVerify.*anybody on the way can read/s)]);
    expect(loud[0]).toContain(etcd.endpoint);
    expectNoKey(watching, tls);
  });
});

test('S50 the name in a client certificate is the user: it may read what that user may, without a password', async () => {
  const tls = await makeCertificates({ clientName: 'app' });
  await using etcd = await startEtcd({ tls });
  const root = { user: 'root:root-secret' };
  await put(etcd, 'a/1', 'x');
  for (const command of [
    'user add root:root-secret',
    'user grant-role root root',
    'user add app --no-password',
    'role add reader',
    'role grant-permission reader --prefix=true read a/',
    'user grant-role app reader',
    'auth enable',
  ]) {
    await etcd.etcdctl(command.split(' '));
  }
  await using a = await Watching.started(`etcds://${etcd.endpoint}/a/`, { tls: tls.client });
  await using b = new Watching(`etcds://${etcd.endpoint}/b/`, { tls: tls.client, beside: a });
  await expect(b.watcher.ready()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await a.untilRevision(await put(etcd, 'a/2', 'y', root));
  expect(a.attempts).toHaveLength(1);
  await a.expectServersState(etcd, root);
  expectNoKey(a, tls);
});
