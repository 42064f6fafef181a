import { expect, test } from 'vitest';
import { request } from '../../servers/http.mjs';
import { makeCertificates } from './certificates.js';
import { type Consul, startConsul, startConsulCluster } from './consul.js';

const put = (consul: Consul, key: string, body: string) => consul.http(`/v1/kv/${key}`, { method: 'PUT', body });
const get = async (consul: Consul, key: string) => (await consul.http(`/v1/kv/${key}?raw`)).body;

test('Consul keeps its data through kill -9, on the same port', async () => {
  await using consul = await startConsul();
  const { pid, endpoint } = consul;
  await put(consul, 'a', '1');
  await consul.kill9();
  await expect(get(consul, 'a')).rejects.toThrow('ECONNREFUSED');
  await consul.restart();
  expect(consul.pid).not.toBe(pid);
  expect(consul.endpoint).toBe(endpoint);
  expect(await get(consul, 'a')).toBe('1');
});

test('a wiped Consul is empty', async () => {
  await using consul = await startConsul();
  await put(consul, 'a', '1');
  await consul.wipe();
  await consul.restart();
  expect((await consul.http('/v1/kv/a')).status).toBe(404);
});

test('Consul with access control denies what has no token', async () => {
  await using consul = await startConsul({ acl: true });
  await put(consul, 'a', '1');
  expect(await get(consul, 'a')).toBe('1');
  await expect(consul.http('/v1/kv/a', { token: '' })).rejects.toThrow('403');
});

test('Consul with TLS serves only clients with a certificate', async () => {
  const tls = await makeCertificates();
  await using consul = await startConsul({ tls });
  await put(consul, 'a', '1');
  expect(await get(consul, 'a')).toBe('1');
  const anonymous = request(`${consul.url}/v1/status/leader`, { tls: { ca: tls.client.ca } });
  await expect(anonymous).rejects.toThrow('certificate');
});

test('three Consul servers go on without their leader', { timeout: 60_000 }, async () => {
  await using cluster = await startConsulCluster(3);
  const leader = await cluster.leader();
  expect(leader).toBeDefined();
  const [survivor] = cluster.servers.filter((server) => server !== leader);
  if (survivor === undefined) throw new Error('three servers were started');
  await put(survivor, 'a', '1');
  await leader?.kill9();
  // Consul holds a request for up to 7 s while there is no leader, then answers 500.
  await expect
    .poll(() => put(survivor, 'b', '2').then(({ body }) => body.trim(), String), { timeout: 40_000 })
    .toBe('true');
  expect(await get(survivor, 'a')).toBe('1');
  expect(await cluster.leader()).not.toBe(leader);
});

test('a client agent answers by asking the servers, and holds nothing itself', async () => {
  await using cluster = await startConsulCluster(1);
  await using agent = await cluster.startAgent();
  const [server] = cluster.servers;
  if (server === undefined) throw new Error('one server was started');
  await put(server, 'a', '1');
  expect(await get(agent, 'a')).toBe('1');
  await server.kill9();
  await expect(get(agent, 'a')).rejects.toThrow('500');
  expect((await agent.http('/v1/agent/self')).body).toContain('"Server":false');
});
