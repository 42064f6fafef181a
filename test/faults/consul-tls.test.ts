import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates, replaceServerCertificate } from '../support/certificates.js';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';
import { put, Watching } from './consul-watching.js';

describe('S53 TLS', () => {
  test('the right certificates: works, reads and writes too; each wrong way: its own clear error, fast', async () => {
    const [tls, foreign] = await Promise.all([makeCertificates(), makeCertificates()]);
    await using consul = await startConsul({ tls });
    const url = `consuls://${consul.endpoint}/a/`;
    await put(consul, 'a/x', '1');
    {
      await using watching = await Watching.started(url, { tls: tls.client });
      await put(consul, 'a/x', '2');
      await watching.value('x', '2');
      const { source, release } = watching.registry.open(url, { tls: tls.client });
      await expect(source.write?.put('a/y', Buffer.from('1'))).resolves.toMatch(/^\d+$/);
      await release();
    }
    {
      await using watching = await Watching.started(url, {
        tls: { ...tls.client, ca: foreign.client.ca, insecureSkipVerify: true },
      });
      expect(watching.model.size).toBe(2);
      expect(inspect(watching.log)).toContain('NOT verified');
    }
    const { ca, cert, key } = tls.client;
    const wrong = [
      { options: { tls: { ...tls.client, ca: foreign.client.ca } }, says: 'check tls.ca' },
      { options: {}, says: 'check tls.ca' },
      { options: { tls: { ...tls.client, serverName: 'elsewhere.example' } }, says: 'tls.serverName' },
      { options: { tls: { ca } }, says: 'client certificate' },
      { options: { tls: { ca, cert: foreign.client.cert, key: foreign.client.key } }, says: 'client certificate' },
      { url: url.replace('consuls', 'consul'), options: {}, says: 'write consuls://' },
    ];
    for (const { url: given = url, options, says } of wrong) {
      await using watching = new Watching(given, options);
      const began = performance.now();
      await expect(watching.watcher.ready()).rejects.toMatchObject({
        code: 'TLS',
        message: expect.stringContaining(says),
      });
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(inspect(watching, { depth: 12, showHidden: true })).not.toContain(key.trim().split('\n')[1]);
    }
    const noPem = (): Watching => new Watching(url, { tls: { ca, cert, key: 'no PEM' } });
    expect(noPem).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('TLS to a plain port, and a certificate that has expired', async () => {
    await using plain = await startConsul();
    await using watching = new Watching(`consuls://${plain.endpoint}/a/`);
    await expect(watching.watcher.ready()).rejects.toMatchObject({
      code: 'TLS',
      message: expect.stringContaining('write consul://'),
    });
    const tls = await makeCertificates({ serverDays: -1 });
    const cert = await readFile(tls.serverCertFile);
    const expired = createServer({ cert, key: await readFile(tls.serverKeyFile) });
    expired.listen(0, '127.0.0.1');
    await once(expired, 'listening');
    const { port } = expired.address() as AddressInfo;
    await using late = new Watching(`consuls://127.0.0.1:${port}/a/`, { tls: tls.client });
    await expect(late.watcher.ready()).rejects.toMatchObject({
      code: 'TLS',
      message: expect.stringContaining('dates'),
    });
    expired.close();
  });
});

describe('S54 the certificate is rotated on the server', () => {
  test('to one of the same authority: reconnects, and nothing is lost', async () => {
    const tls = await makeCertificates();
    await using consul = await startConsul({ tls });
    await put(consul, 'a/x', '1');
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consuls://${proxy.endpoint}/a/`, { tls: tls.client });
    await rotate(consul, tls, await makeCertificates({ authority: tls }));
    // The connection that is open goes on.
    await put(consul, 'a/x', '2');
    await watching.value('x', '2');
    expect(proxy.connections.total).toBe(1);
    proxy.drop();
    await put(consul, 'a/x', '3');
    await watching.value('x', '3');
    await watching.live();
    expect(proxy.connections.total).toBeGreaterThan(1);
    await watching.expectServersState(consul);
  });

  test('to one of an authority that is not known: the last good state stays, and says so; back: live', async () => {
    const [tls, foreign] = await Promise.all([makeCertificates(), makeCertificates()]);
    await using consul = await startConsul({ tls });
    await put(consul, 'a/x', '1');
    const used = await makeCertificates({ authority: tls });
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consuls://${proxy.endpoint}/a/`, { tls: tls.client, random: 0.05 });
    const { snapshot } = watching.watcher;
    await rotate(consul, tls, foreign);
    proxy.drop();
    await watching.stale('TLS');
    expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringContaining('check tls.ca') } });
    expect(watching.watcher.snapshot).toBe(snapshot);
    await rotate(consul, tls, used);
    // A fatal error is retried at the cap of the backoff, 30 s, of which this waits a twentieth.
    await watching.live();
    expect(watching.told).toEqual([]);
  });
});

/** Puts another certificate in the place of the server's own, which then reads it anew. */
async function rotate(consul: Consul, used: Certificates, next: Certificates): Promise<void> {
  const before = await certificateOf(consul);
  await replaceServerCertificate(used, next);
  process.kill(consul.pid, 'SIGHUP');
  await expect.poll(() => certificateOf(consul)).not.toBe(before);
}

/** The fingerprint of what the server shows now. */
async function certificateOf({ port }: Consul): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
