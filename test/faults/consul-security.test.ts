import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../support/certificates.js';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';
import { del, put, Watching } from './consul-watching.js';

const READ_A = 'key_prefix "a/" { policy = "read" }';
const READ_WEB = 'service "web" { policy = "read" } node_prefix "" { policy = "read" }';

describe('with access control, default deny', () => {
  let consul: Consul;
  beforeAll(async () => {
    consul = await startConsul({ acl: true });
    const Service = { ID: 'web', Service: 'web', Port: 80 };
    await consul.http('/v1/catalog/register', { method: 'PUT', body: { Node: 'n1', Address: '10.0.0.1', Service } });
  });
  afterAll(() => consul[Symbol.asyncDispose]());

  const kv = (): string => `consul://${consul.endpoint}/a/`;
  const web = (): string => `consul://${consul.endpoint}/?service=web`;
  const nodes = (): string => `consul://${consul.endpoint}/?catalog=nodes`;
  const expectKept = (watching: Watching, before: Watching['watcher']['snapshot']): void => {
    expect(watching.watcher.snapshot).toBe(before);
    expect(watching.told).toEqual([]);
  };

  test('S50 a token that may read: works, and S55 is in nothing that is told', async () => {
    await put(consul, 'a/x', '1');
    const reader = await Token.create(consul, READ_A);
    await using proxy = await startProxy(consul);
    await using watching = await Watching.started(`consul://${proxy.endpoint}/a/`, {
      token: reader.secret,
      waitMs: 1_000,
    });
    await put(consul, 'a/x', '2');
    await watching.value('x', '2');
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    await proxy.resume();
    await watching.live();
    await reader.delete();
    await watching.stale('UNAUTHENTICATED');
    await watching[Symbol.asyncDispose]();
    expectSecret(reader.secret, watching);
  });

  test.each(['sekret', '22222222-1111-1111-1111-111111111111'])(
    'S50 the unknown token %s: a clear fatal error',
    async (token) => {
      for (const url of [kv(), web(), nodes()]) {
        await using watching = new Watching(url, { token });
        await expect(watching.watcher.ready()).rejects.toMatchObject({
          code: 'UNAUTHENTICATED',
          message: expect.stringContaining('check the token'),
        });
        expect(watching.state).toBe('failed');
        await expect(watching.watcher.read()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
        expectSecret(token, watching);
      }
    },
  );

  test('S50 no rights, or no token: FORBIDDEN, not an empty list', async () => {
    await put(consul, 'a/x', '1');
    const { secret } = await Token.create(consul, 'key_prefix "elsewhere/" { policy = "read" }');
    for (const url of [kv(), web(), nodes(), `consul://${consul.endpoint}/a/x`]) {
      for (const options of [{ token: secret }, {}]) {
        await using watching = new Watching(url, options);
        await expect(watching.watcher.ready()).rejects.toMatchObject({ code: 'FORBIDDEN' });
        await expect(watching.watcher.read()).rejects.toMatchObject({ code: 'FORBIDDEN' });
      }
    }
  });

  test('S50 rights to a part only: FORBIDDEN, not a shorter list', async () => {
    await put(consul, 'a/x', '1');
    await put(consul, 'a/y', '1');
    const { secret } = await Token.create(consul, 'key "a/x" { policy = "read" }');
    await using watching = new Watching(kv(), { token: secret });
    await expect(watching.watcher.ready()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await using exact = await Watching.started(`consul://${consul.endpoint}/a/x`, { token: secret });
    expect(exact.model.size).toBe(1);
  });

  test.each([
    ['KV', kv, READ_A],
    ['a service', web, READ_WEB],
    ['the catalog', nodes, READ_WEB],
  ])(
    'S52 %s: the token is downgraded while it is watched: FORBIDDEN, no delete; given back: live',
    async (_, url, rules) => {
      await put(consul, 'a/x', '1');
      const token = await Token.create(consul, rules);
      await using watching = await Watching.started(url(), { token: token.secret, waitMs: 1_000 });
      const { snapshot } = watching.watcher;
      expect(snapshot?.entries.size).toBeGreaterThan(0);
      await token.setRules('key_prefix "elsewhere/" { policy = "read" }');
      await watching.stale('FORBIDDEN');
      expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringContaining('policy') } });
      expectKept(watching, snapshot);
      await token.setRules(rules);
      // A fatal error is retried at the cap of the backoff, 30 s, of which these tests wait a quarter.
      await watching.live();
      expect(watching.told).toEqual([]);
    },
  );

  test('S52 a part of the rights to a service is taken: FORBIDDEN, no delete', async () => {
    for (const node of ['n1', 'n2']) {
      const Service = { ID: 'api', Service: 'api', Port: 80 };
      await consul.http('/v1/catalog/register', { method: 'PUT', body: { Node: node, Address: '10.0.0.1', Service } });
    }
    const token = await Token.create(consul, 'service "api" { policy = "read" } node_prefix "" { policy = "read" }');
    const url = `consul://${consul.endpoint}/?service=api`;
    await using watching = await Watching.started(url, { token: token.secret, waitMs: 1_000 });
    expect(watching.model.size).toBe(2);
    await token.setRules('service "api" { policy = "read" } node "n1" { policy = "read" }');
    await watching.stale('FORBIDDEN');
    expect(watching.told).toEqual([]);
  });

  test.each([
    ['KV', kv, READ_A],
    ['a service', web, READ_WEB],
  ])('S52 %s: the token is deleted while it is watched: UNAUTHENTICATED, no delete', async (_, url, rules) => {
    await put(consul, 'a/x', '1');
    const token = await Token.create(consul, rules);
    await using watching = await Watching.started(url(), { token: token.secret, waitMs: 1_000 });
    const { snapshot } = watching.watcher;
    await token.delete();
    await watching.stale('UNAUTHENTICATED');
    expectKept(watching, snapshot);
  });

  test('S47 with a token the last key’s deletion still is one', async () => {
    await put(consul, 'last/x', '1');
    const { secret } = await Token.create(consul, 'key_prefix "last/" { policy = "read" }');
    await using watching = await Watching.started(`consul://${consul.endpoint}/last/`, { token: secret });
    await del(consul, 'last/x');
    await watching.until('the delete', () => watching.told.length === 1);
    expect(watching.told).toEqual(['delete x']);
    expect(watching.state).toBe('live');
  });

  test('S50 a write without the right to: FORBIDDEN, and nothing is written', async () => {
    const { secret } = await Token.create(consul, READ_A);
    await using watching = new Watching(kv(), { token: secret });
    const { source, release } = watching.registry.open(kv(), { token: secret });
    await expect(source.write?.put('a/w', Buffer.from('x'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await consul.http('/v1/kv/a/w')).status).toBe(404);
    await put(consul, 'a/w', '1');
    await expect(source.write?.delete('a/w')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await consul.http('/v1/kv/a/w')).status).toBe(200);
    await release();
  });
});

test('S52 access control is switched on while an anonymous caller watches: FORBIDDEN, no delete', async () => {
  await using open = await startConsul();
  await using denying = await startConsul({ acl: true });
  for (const consul of [open, denying]) await put(consul, 'a/x', '1');
  await using proxy = await startProxy(open);
  await using watching = await Watching.started(`consul://${proxy.endpoint}/a/`);
  proxy.retarget(denying);
  proxy.drop();
  await watching.stale('FORBIDDEN');
  expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringContaining('give a token') } });
  expect(watching.told).toEqual([]);
});

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
    await using watching = new Watching(url, { tls: { ca, cert, key: 'no PEM' } });
    await expect(watching.watcher.ready()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
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
      message: expect.stringContaining('out of date'),
    });
    expired.close();
  });
});

/** An ACL token with one policy. */
class Token {
  readonly secret: string;
  readonly #consul: Consul;
  readonly #accessor: string;
  readonly #policy: string;

  private constructor(consul: Consul, secret: string, accessor: string, policy: string) {
    this.#consul = consul;
    this.secret = secret;
    this.#accessor = accessor;
    this.#policy = policy;
  }

  static async create(consul: Consul, rules: string): Promise<Token> {
    const Name = `p${Math.random().toString(36).slice(2)}`;
    const policy = await consul.http('/v1/acl/policy', { method: 'PUT', body: { Name, Rules: rules } });
    const body = { Policies: [{ Name }] };
    const token = JSON.parse((await consul.http('/v1/acl/token', { method: 'PUT', body })).body);
    return new Token(consul, token.SecretID, token.AccessorID, JSON.parse(policy.body).ID);
  }

  async setRules(rules: string): Promise<void> {
    const path = `/v1/acl/policy/${this.#policy}`;
    const { Name } = JSON.parse((await this.#consul.http(path)).body);
    await this.#consul.http(path, { method: 'PUT', body: { ID: this.#policy, Name, Rules: rules } });
  }

  async delete(): Promise<void> {
    await this.#consul.http(`/v1/acl/token/${this.#accessor}`, { method: 'DELETE' });
  }
}

/** S55: searches the log, every status with its error and causes, and every batch. */
function expectSecret(secret: string, { log, statuses, batches }: Watching): void {
  const all = inspect([log, statuses, batches], { depth: Number.POSITIVE_INFINITY, showHidden: true });
  expect(all.length).toBeGreaterThan(100);
  expect(all).not.toContain(secret);
}
