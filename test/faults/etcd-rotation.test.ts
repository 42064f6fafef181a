import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { type Certificates, makeCertificates, replaceServerCertificate } from '../support/certificates.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';
import { Secrets } from '../support/secrets.js';
import { put, Watching } from './etcd-watching.js';

/** A TLS error is tried again at the cap of the backoff, 30 s, of which these tests wait a fiftieth. */
const PROMPT = 0.02;

/** Which certificate the server shows now. */
async function shown(etcd: Etcd, { client }: Certificates): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: etcd.port, ...client, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** Two watches of one connection. */
async function watchBoth({ endpoint }: TcpProxy, { client }: Certificates): Promise<[Watching, Watching]> {
  const a = await Watching.started(`etcds://${endpoint}/a/`, { tls: client, random: PROMPT });
  return [a, await Watching.started(`etcds://${endpoint}/b/`, { tls: client, beside: a })];
}

test('S54 the server has a new certificate of the same authority: running watches go on, and reconnect', async () => {
  const tls = await makeCertificates();
  await using etcd = await startEtcd({ tls });
  await using proxy = await startProxy(etcd);
  const [a, b] = await watchBoth(proxy, tls);
  await using _a = a;

  const before = await shown(etcd, tls);
  await replaceServerCertificate(tls, await makeCertificates({ authority: tls }));
  expect(await shown(etcd, tls)).not.toBe(before);
  const revisions = [await put(etcd, 'a/1', 'x')];
  await a.untilRevision('2');
  expect([a.attempts.length, b.attempts.length]).toEqual([1, 1]);

  proxy.drop();
  revisions.push(await put(etcd, 'b/1', 'x'), await put(etcd, 'a/1', 'y'));
  await a.untilRevision('4');
  await b.untilRevision('3');
  expect([a.deltaRevisions, b.deltaRevisions]).toEqual([['2', '4'], ['3']]);
  for (const watching of [a, b]) await watching.expectServersState(etcd);
});

test.each([
  ['of another authority', () => makeCertificates(), /tls\.ca/],
  ['that has expired', (authority: Certificates) => makeCertificates({ authority, serverDays: -1 }), /dates.*expired/],
])(
  'S54 the server has a new certificate %s: stale with TLS; with the old one back, it goes on',
  async (_, make, says) => {
    const tls = await makeCertificates();
    const kept = await makeCertificates({ authority: tls });
    await using etcd = await startEtcd({ tls });
    await put(etcd, 'a/1', 'x');
    await using proxy = await startProxy(etcd);
    const [a, b] = await watchBoth(proxy, tls);
    await using _a = a;

    await replaceServerCertificate(tls, await make(tls));
    proxy.drop();
    for (const watching of [a, b]) {
      await watching.untilStale('TLS');
      expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringMatching(says) } });
    }
    expect(a.watcher.snapshot?.entries.size).toBe(1);

    await replaceServerCertificate(tls, kept);
    const revision = await put(etcd, 'a/2', 'y');
    await a.untilRevision(revision);
    await b.untilRevision(await put(etcd, 'b/1', 'z'));
    expect([a.deltaRevisions, b.deltaRevisions]).toEqual([['3'], ['4']]);
    for (const watching of [a, b]) await watching.expectServersState(etcd);
    const secrets = new Secrets();
    secrets.add('the private key', tls.client.key);
    expect(secrets.foundIn(a.log, a.statuses, a.attempts, b.statuses, b.attempts)).toEqual([]);
  },
);
