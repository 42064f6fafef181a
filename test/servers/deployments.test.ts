import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runFolder } from '../../servers/cache.mjs';
import { consulAcl, consulCluster, consulTls } from '../../servers/consul/deployments.mjs';
import type { ConsulPorts } from '../../servers/consul/server.mjs';
import { startDeployment, stopDeployment } from '../../servers/deploy.mjs';
import { deployments } from '../../servers/deployments.mjs';
import { request } from '../../servers/http.mjs';
import { running } from '../../servers/instance.mjs';
import { ensure } from '../../servers/lib.mjs';
import { accepts } from '../../servers/ready.mjs';
import type { Deployment } from '../../servers/types.mjs';
import { freePort } from '../support/ports.js';
import { reaper, temporaryRoot } from '../support/reaper.js';

let install: string;
beforeAll(async () => {
  install = await ensure('consul', { log: console.error });
});

/** What is started keeps its state here, not among the user's own. */
let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(temporaryRoot(), 'cache-'));
  vi.stubEnv('XDG_CACHE_HOME', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const freePorts = async (): Promise<ConsulPorts> => ({
  api: await freePort(),
  server: await freePort(),
  serf: await freePort(),
});

const pidsOf = async ({ instances }: Deployment) =>
  (await Promise.all(instances.map(running))).map((record) => record?.pid);

/** Starts it as `npm run servers -- start` does; it ends with the test. */
async function start(deployment: Deployment): Promise<AsyncDisposable> {
  await startDeployment(deployment, { install, log: () => {}, signal: AbortSignal.timeout(60_000) });
  const pids = (await pidsOf(deployment)).flatMap((pid) => pid ?? []);
  for (const pid of pids) reaper().register(pid);
  return {
    async [Symbol.asyncDispose]() {
      await stopDeployment(deployment);
      for (const pid of pids) reaper().unregister(pid);
    },
  };
}

async function listen(port: number) {
  const server = createServer().listen({ host: '127.0.0.1', port });
  await once(server, 'listening');
  return {
    listening: () => server.listening,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

test('every Consul that start runs has ports of its own, so that all run side by side', async () => {
  const instances = deployments.filter(({ server }) => server.name === 'consul').flatMap((each) => each.instances);
  const ports: number[] = [];
  for (const { name, prepare } of instances) {
    const folder = join(cache, name);
    await mkdir(folder, { recursive: true });
    await prepare({ install, folder, dataDir: folder });
    const config = JSON.parse(await readFile(join(folder, 'consul.json'), 'utf8'));
    ports.push(...(Object.values(config.ports) as number[]).filter((port) => port !== -1));
  }
  expect(ports.slice(0, 3).sort()).toEqual([8300, 8301, 8500]);
  expect(ports).toHaveLength(3 * 6);
  expect(new Set(ports).size).toBe(ports.length);
});

test('consul-cluster: three servers with one leader; start brings back the one that was killed, stop ends all', async () => {
  const cluster = consulCluster([await freePorts(), await freePorts(), await freePorts()]);
  await using _started = await start(cluster);
  const urls = cluster.instances.map(({ port }) => `http://127.0.0.1:${port}`);
  const leaders = await Promise.all(urls.map(async (url) => (await request(`${url}/v1/status/leader`)).body));
  expect(new Set(leaders).size).toBe(1);
  expect(JSON.parse((await request(`${urls[0]}/v1/status/peers`)).body)).toHaveLength(3);

  const [first, second = 0, third] = await pidsOf(cluster);
  process.kill(second, 'SIGKILL');
  await expect.poll(() => accepts(cluster.instances[1]?.port ?? 0)).toBe(false);
  expect(await pidsOf(cluster)).toEqual([first, undefined, third]);
  await using _restarted = await start(cluster);
  expect(await pidsOf(cluster)).toEqual([first, expect.any(Number), third]);

  expect(await stopDeployment(cluster)).toBe(true);
  expect(await pidsOf(cluster)).toEqual([undefined, undefined, undefined]);
  expect(await stopDeployment(cluster)).toBe(false);
});

test('consul-acl: denied without the token that lies where start says; the token outlives a restart', async () => {
  const acl = consulAcl(await freePorts());
  await using _started = await start(acl);
  const folder = runFolder(acl);
  const token = await readFile(join(folder, acl.credentials ?? ''), 'utf8');
  const put = (headers: Record<string, string>) =>
    request(`http://127.0.0.1:${acl.instances[0]?.port}/v1/kv/a`, { method: 'PUT', body: '1', headers });
  expect((await put({})).status).toBe(403);
  expect((await put({ 'X-Consul-Token': token })).status).toBe(200);

  // Nobody else reads the token, neither here nor in the data beside it.
  expect((await stat(folder)).mode & 0o077).toBe(0);
  expect(await readFile(join(folder, 'log'), 'utf8')).not.toContain(token);

  await stopDeployment(acl);
  await using _again = await start(acl);
  expect((await put({ 'X-Consul-Token': token })).status).toBe(200);
});

test('consul-tls: HTTPS that only its ca.pem vouches for', async () => {
  const tls = consulTls(await freePorts());
  await using _started = await start(tls);
  const folder = join(runFolder(tls), tls.credentials ?? '');
  const url = `//127.0.0.1:${tls.instances[0]?.port}/v1/status/leader`;
  const ca = await readFile(join(folder, 'ca.pem'));
  expect((await request(`https:${url}`, { tls: { ca } })).status).toBe(200);
  await expect(request(`https:${url}`)).rejects.toThrow('certificate');
  expect((await request(`http:${url}`)).status).toBe(400);
  expect((await readdir(folder)).sort()).toEqual(['ca.pem', 'server-key.pem', 'server.pem']);
});

test('a taken port: nothing is started, and what listens there goes on', async () => {
  const ports = [await freePorts(), await freePorts(), await freePorts()] as const;
  await using other = await listen(ports[1].api);
  const cluster = consulCluster(ports);
  await expect(start(cluster)).rejects.toThrow(`port ${ports[1].api} of 127.0.0.1 is in use`);
  expect(await stopDeployment(cluster)).toBe(false);
  expect(other.listening()).toBe(true);
});

test('a server that cannot start takes the others of its cluster with it', async () => {
  const ports = [await freePorts(), await freePorts(), await freePorts()] as const;
  await using _other = await listen(ports[2].server);
  const cluster = consulCluster(ports);
  await expect(start(cluster)).rejects.toThrow(/^consul-cluster\/3 did not become ready: it ended .*address already/s);
  expect(await pidsOf(cluster)).toEqual([undefined, undefined, undefined]);
});
