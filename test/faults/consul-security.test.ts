import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filtersSilently } from '../../packages/consul/src/http/version.js';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';
import { expectSecret, Token } from './consul-acl.js';
import { del, put, RequestCount, textOf, Watching } from './consul-watching.js';
import { ScriptedConsul } from './scripted-consul.js';

const READ_A = 'key_prefix "a/" { policy = "read" }';
const READ_ALL = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
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

  test('S50 a token is deleted: its watch says so and keeps the last good state; others go on. S55 is in nothing told', async () => {
    await put(consul, 'a/x', '1');
    const [reader, other] = [await Token.create(consul, READ_A), await Token.create(consul, READ_A)];
    await using proxy = await startProxy(consul);
    using requests = new RequestCount(proxy.port);
    const url = `consul://${proxy.endpoint}/a/`;
    await using watching = await Watching.started(url, { token: reader.secret, waitMs: 1_000 });
    const beside = watching.registry.watch(url, { token: other.secret });
    await beside.ready();
    await put(consul, 'a/x', '2');
    await watching.value('x', '2');
    await proxy.cut();
    await watching.stale('UNREACHABLE');
    await proxy.resume();
    await watching.live();
    await reader.delete();
    await watching.stale('UNAUTHENTICATED');
    await put(consul, 'a/x', '3');
    await expect.poll(() => textOf(beside.snapshot?.entries.get('x'))).toBe('3');
    expect(beside.status.state).toBe('live');
    expect(textOf(watching.model.get('x'))).toBe('2');
    await watching[Symbol.asyncDispose]();
    expect(requests.sent.every(({ headers }) => 'x-consul-token' in headers)).toBe(true);
    for (const { secret } of [reader, other]) expectSecret(secret, watching, requests);
  });

  test('S52 what a real agent says of its version is understood', async () => {
    const { body } = await consul.http('/v1/agent/self', {});
    expect(filtersSilently(body)).toBeUndefined();
    expect(filtersSilently(body.replace(/"Version":"\d+\.\d+/, '"Version":"1.11'))).toBe('1.11');
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
        await watching.until('a failure', () => 'error' in watching.watcher.status);
        expect(watching.watcher.status).toMatchObject({ error: { code: 'FORBIDDEN' } });
        // Without a token "nothing there yet" and "nothing for you" are one answer to a list: the watch goes on asking.
        const isList = options.token === undefined && !url.endsWith('/x');
        expect(watching.state).toBe(isList ? 'connecting' : 'failed');
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

  const watched: readonly [name: string, url: () => string, rules: string][] = [
    ['KV', kv, READ_A],
    ['KV, stale', () => `${kv()}?consistency=stale`, READ_A],
    ['a service', web, READ_WEB],
    ['a service, cached', () => `${web()}&cached=true`, READ_WEB],
    ['the nodes', nodes, READ_WEB],
    ['the services, cached', () => `consul://${consul.endpoint}/?catalog=services&cached=true`, READ_ALL],
  ];

  test.concurrent.each(watched)(
    'S52 %s: the token is downgraded while it is watched: FORBIDDEN, no delete; given back: live',
    async (_, url, rules) => {
      await put(consul, 'a/x', '1');
      const token = await Token.create(consul, rules);
      await using watching = await Watching.started(url(), { token: token.secret, waitMs: 1_000, random: 0.05 });
      const { snapshot } = watching.watcher;
      expect(snapshot?.entries.size).toBeGreaterThan(0);
      await token.setRules('key_prefix "elsewhere/" { policy = "read" }');
      await watching.stale('FORBIDDEN');
      expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringContaining('policy') } });
      expectKept(watching, snapshot);
      await token.setRules(rules);
      // A fatal error is retried at the cap of the backoff, 30 s, of which this waits a twentieth.
      await watching.live();
      expect(watching.told).toEqual([]);
    },
  );

  test.each(watched)(
    'S52 %s: the token is deleted while it is watched: UNAUTHENTICATED, no delete',
    async (_, url, rules) => {
      await put(consul, 'a/x', '1');
      const token = await Token.create(consul, rules);
      await using watching = await Watching.started(url(), { token: token.secret, waitMs: 1_000 });
      const { snapshot } = watching.watcher;
      await token.delete();
      await watching.stale('UNAUTHENTICATED');
      expectKept(watching, snapshot);
    },
  );

  test.each([
    ['KV', kv, READ_A],
    ['a service', web, READ_WEB],
    ['the nodes', nodes, READ_WEB],
  ])(
    'S52 %s: what anybody might see is taken from those without a token: FORBIDDEN, no delete',
    async (_, url, rules) => {
      await put(consul, 'a/x', '1');
      const anonymous = await Token.anonymous(consul, rules);
      await using watching = await Watching.started(url(), { waitMs: 1_000 });
      const { snapshot } = watching.watcher;
      expect(snapshot?.entries.size).toBeGreaterThan(0);
      await anonymous.setRules('key_prefix "elsewhere/" { policy = "read" }');
      await watching.stale('FORBIDDEN');
      expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringContaining('give a token') } });
      expectKept(watching, snapshot);
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

  test('S47 with a token the last key’s deletion still is one', async () => {
    await put(consul, 'last/x', '1');
    const { secret } = await Token.create(consul, 'key_prefix "last/" { policy = "read" }');
    await using watching = await Watching.started(`consul://${consul.endpoint}/last/`, { token: secret });
    await del(consul, 'last/x');
    await watching.until('the delete', () => watching.told.length === 1);
    expect(watching.told).toEqual(['delete x']);
    expect(watching.state).toBe('live');
  });

  test('S47 with a token the last instance’s deregistration still is a delete', async () => {
    const Service = { ID: 'last', Service: 'last', Port: 80 };
    await consul.http('/v1/catalog/register', { method: 'PUT', body: { Node: 'n1', Address: '10.0.0.1', Service } });
    const rules = 'service "last" { policy = "read" } node_prefix "" { policy = "read" }';
    const { secret } = await Token.create(consul, rules);
    await using watching = await Watching.started(`consul://${consul.endpoint}/?service=last`, { token: secret });
    await consul.http('/v1/catalog/deregister', { method: 'PUT', body: { Node: 'n1', ServiceID: 'last' } });
    await watching.until('the delete', () => watching.told.length === 1);
    expect(watching.told).toEqual(['delete n1/last']);
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

test('S55 a proxy’s error page that echoes the request does not bring the token into an error', async () => {
  await using server = await ScriptedConsul.start('p/', { index: 20, keys: { a: ['1', 11] } });
  await using watching = await Watching.started(server.url, { token: 'sekret' });
  server.answer((response, { headers, url }) => {
    response.writeHead(502, { 'content-type': 'text/plain' }).end(`cannot forward ${url} ${JSON.stringify(headers)}`);
  });
  await watching.stale('UNAVAILABLE');
  expect(watching.watcher.status).toMatchObject({ error: { message: expect.stringContaining('cannot forward') } });
  expectSecret('sekret', watching);
});
