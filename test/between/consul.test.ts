import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry } from '@rollcall/core';
import { describe, test, vi } from 'vitest';
import { type Consul, startConsul, startConsulCluster } from '../support/consul.js';
import { TcpBalancer } from './balancers.js';
import { type Between, follow } from './follow.js';
import { HttpProxy } from './httpProxy.js';
import { changingName } from './name.js';

vi.setConfig({ testTimeout: 180_000 });

/** Short, so that what only the end of a wait shows is seen while the test lasts. */
const adapter = createConsulAdapter({ waitMs: 3_000 });
const PREFIX = 'b/';
const INSTANCE = { host: '10.0.0.1', port: 80 };

/** The KV store, asked in the strictest mode. */
function kvOf(consul: Consul): Omit<Between, 'url'> {
  return {
    adapter,
    write: async (key, value) => {
      const path = `/v1/kv/${PREFIX}${key}`;
      await consul.http(path, value === undefined ? { method: 'DELETE' } : { method: 'PUT', body: value });
    },
    list: async () => {
      const { status, body } = await consul.http(`/v1/kv/${PREFIX}?recurse&consistent`);
      const pairs = status === 404 ? [] : (JSON.parse(body) as { Key: string; Value: string | null }[]);
      return new Map(
        pairs.map(({ Key, Value }) => [Key.slice(PREFIX.length), Buffer.from(Value ?? '', 'base64').toString()]),
      );
    },
  };
}

const urlOf = (endpoint: string): string => `consul://${endpoint}/${PREFIX}`;

async function answersAgain(consul: Consul): Promise<void> {
  await consul.restart();
  for (;;) {
    const answers = await consul.http(`/v1/kv/${PREFIX}?recurse&consistent`).then(
      () => true,
      () => false,
    );
    if (answers) return;
  }
}

describe.concurrent('S78 what stands between Consul and a watch', () => {
  test('nothing', async () => {
    await using consul = await startConsul();
    await follow({ ...kvOf(consul), url: urlOf(consul.endpoint), restartStore: () => answersAgain(consul) });
  });

  test('S73 a proxy that ends long polls early', async () => {
    await using consul = await startConsul();
    await using proxy = await HttpProxy.start(consul, { longestMs: 1_000 });
    await follow({
      ...kvOf(consul),
      url: urlOf(proxy.endpoint),
      restartBetween: async () => proxy.drop(),
      restartStore: () => answersAgain(consul),
    });
  });

  test('S73 a proxy that caches and compresses', async ({ expect }) => {
    await using consul = await startConsul();
    await using proxy = await HttpProxy.start(consul, { cacheMs: 4_000, compresses: true });
    const store = kvOf(consul);
    await follow({ ...store, url: urlOf(proxy.endpoint), restartBetween: async () => proxy.drop() });
    // At rest the same question is asked again and again, and answered from the cache.
    const registry = createRegistry({ adapters: [createConsulAdapter({ waitMs: 500 })] });
    const watcher = registry.watch(urlOf(proxy.endpoint));
    await watcher.ready({ fresh: true });
    while (proxy.hits < 3) await new Promise((resolve) => setTimeout(resolve, 50));
    await store.write('last', 'seen');
    while (watcher.snapshot?.entries.get('last') === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(watcher.status.state).toBe('live');
    await registry.close();
  });

  test('an agent', async () => {
    await using cluster = await startConsulCluster(1);
    const [server] = cluster.servers as [Consul];
    await using agent = await cluster.startAgent();
    await follow({
      ...kvOf(server),
      url: urlOf(agent.endpoint),
      restartBetween: () => agent.restart(),
      restartStore: () => answersAgain(server),
    });
  });

  test('an agent that may answer stale (discovery_max_stale)', async () => {
    await using cluster = await startConsulCluster(1, { config: { discovery_max_stale: '10m' } });
    const [server] = cluster.servers as [Consul];
    await using agent = await cluster.startAgent();
    const told = (id: string, at: string) =>
      [
        `n/${id}`,
        JSON.stringify({ ...INSTANCE, id, node: 'n', tags: [], meta: { at }, status: 'passing', weight: 1 }),
      ] as const;
    const { host: Address, port: Port } = INSTANCE;
    await follow({
      adapter,
      url: `consul://${agent.endpoint}/?service=b`,
      told,
      write: async (id, at) => {
        const [action, service] =
          at === undefined
            ? ['deregister', { ServiceID: id }]
            : ['register', { Address, Service: { Service: 'b', ID: id, Port, Meta: { at } } }];
        await server.http(`/v1/catalog/${action}`, { method: 'PUT', body: { Node: 'n', ...(service as object) } });
      },
      list: async () => {
        const { body } = await server.http('/v1/health/service/b?consistent');
        const instances = JSON.parse(body) as { Service: { ID: string; Meta: { at: string } } }[];
        return new Map(instances.map(({ Service }) => told(Service.ID, Service.Meta.at)));
      },
      restartBetween: () => agent.restart(),
      restartStore: () => answersAgain(server),
    });
  });

  test('S74 an agent with a default token, for a caller without one', async () => {
    await using consul = await startConsul({ acl: true });
    const token = consul.token ?? '';
    await consul.http('/v1/agent/token/default', { method: 'PUT', body: { Token: token } });
    await follow({ ...kvOf(consul), url: urlOf(consul.endpoint) });
  });

  test('a TCP balancer over three servers', async () => {
    await using cluster = await startConsulCluster(3);
    const [first] = cluster.servers as [Consul, ...Consul[]];
    await using balancer = await TcpBalancer.start(cluster.servers.map(({ port }) => port));
    await follow({ ...kvOf(first), url: urlOf(balancer.endpoint), restartBetween: async () => balancer.drop() });
  });

  test('S44 a TCP balancer that moves to another cluster', async () => {
    await using one = await startConsul();
    await using two = await startConsul();
    await two.http(`/v1/kv/${PREFIX}k1`, { method: 'PUT', body: 'of the other' });
    await using balancer = await TcpBalancer.start([one.port]);
    let store = kvOf(one);
    await follow({
      adapter,
      url: urlOf(balancer.endpoint),
      write: (key, value) => store.write(key, value),
      list: () => store.list(),
      move: async () => {
        store = kvOf(two);
        balancer.moveTo([two.port]);
      },
    });
  });

  test('a name whose address changes', async () => {
    await using consul = await startConsul();
    await using one = await TcpBalancer.start([consul.port]);
    await using _two = await TcpBalancer.start([consul.port], { host: '127.0.0.2', port: one.port });
    const name = changingName(one.endpoint);
    try {
      await follow({
        ...kvOf(consul),
        url: urlOf(name.endpoint),
        restartBetween: async () => {
          name.moveTo('127.0.0.2');
          one.drop();
        },
      });
    } finally {
      name.restore();
    }
  });
});
