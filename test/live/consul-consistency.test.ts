import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { put, RequestCount, textOf, Watching } from '../faults/consul-watching.js';
import { type Consul, type ConsulCluster, startConsulCluster } from '../support/consul.js';

/** Short, so that a test sees what comes of a wait that ends. */
const WAIT_MS = 1_000;

let cluster: ConsulCluster;
/** What programs ask in production: it has nothing itself, and asks the servers. */
let agent: Consul;
beforeAll(async () => {
  cluster = await startConsulCluster(3);
  agent = await cluster.startAgent();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

let names = 0;
const fresh = (): string => `c${names++}`;
const started = (query: string) => Watching.started(`consul://${agent.endpoint}/${query}`, { waitMs: WAIT_MS });

async function register(service: string, port: number): Promise<void> {
  const body = { Node: 'n1', Address: '10.0.0.1', Service: { ID: service, Service: service, Port: port } };
  await agent.http('/v1/catalog/register', { method: 'PUT', body });
}

const portOf = (watching: Watching, service: string): unknown =>
  JSON.parse(textOf(watching.model.get(`n1/${service}`)) ?? '{}').port;

/** For each query of this process `plain` or `blocks`, with the flags that say where its answer may come from. */
const asked = ({ sent }: RequestCount): string[] =>
  sent.flatMap(({ method, path }) => {
    if (method !== 'GET') return [];
    const { searchParams } = new URL(path, 'http://localhost');
    const flags = ['stale', 'consistent', 'cached'].filter((flag) => searchParams.has(flag));
    return [[searchParams.has('index') ? 'blocks' : 'plain', ...flags].join(' ')];
  });

describe('the KV store', () => {
  test.each([
    ['default', 'plain consistent', 'blocks'],
    ['consistent', 'plain consistent', 'blocks consistent'],
    ['stale', 'plain consistent', 'blocks stale'],
  ])('consistency=%s: %s, then %s', async (consistency, first, then) => {
    const prefix = `${fresh()}/`;
    await put(agent, `${prefix}a`, '1');
    using requests = new RequestCount(agent.port);
    await using watching = await started(`${prefix}?consistency=${consistency}`);
    await put(agent, `${prefix}a`, '2');
    await watching.value('a', '2');
    // Some waits end, too.
    await expect.poll(() => requests.count, { timeout: 10_000 }).toBeGreaterThan(4);
    const [plain, ...blocking] = asked(requests);
    expect(plain).toBe(first);
    expect(new Set(blocking)).toEqual(new Set([then]));
    expect(watching.told).toEqual(['put a']);
    await watching.expectServersState(agent);
  });

  test('a read is made as the watch is', async () => {
    const prefix = `${fresh()}/`;
    await put(agent, `${prefix}a`, '1');
    for (const consistency of ['consistent', 'stale']) {
      await using watching = await started(`${prefix}?consistency=${consistency}`);
      using requests = new RequestCount(agent.port);
      // Any server but the leader may know of the write a little later.
      await expect.poll(async () => (await watching.watcher.read()).entries.size).toBe(1);
      expect(asked(requests)).toContain(`plain ${consistency}`);
    }
  });

  test('watches of one prefix with different consistency are different watches; with the same, one', async () => {
    const prefix = `${fresh()}/`;
    await using watching = await started(`${prefix}?consistency=stale`);
    using requests = new RequestCount(agent.port);
    const also = async (query: string): Promise<string[]> => {
      const from = requests.count;
      const watcher = watching.registry.watch(`consul://${agent.endpoint}/${prefix}?${query}`);
      await watcher.ready();
      return asked(requests)
        .slice(from)
        .filter((each) => each.startsWith('plain'));
    };
    expect(await also('consistency=stale&max-stale=5000ms')).toEqual([]);
    expect(await also('consistency=consistent')).toEqual(['plain consistent']);
    expect(await also('consistency=default')).toEqual(['plain consistent']);
    expect(await also('')).toEqual([]);
    expect(await also('consistency=stale&max-stale=6s')).toEqual(['plain consistent']);
  });
});

describe('services and the catalog', () => {
  test.each(['consistency=stale', 'consistency=consistent', 'cached=true', 'consistency=default'])(
    '%s: each change is seen',
    async (query) => {
      const web = fresh();
      await register(web, 80);
      await using instances = await started(`?service=${web}&${query}`);
      await using services = await started(`?catalog=services&${query}`);
      await register(web, 81);
      await instances.until('port 81', () => portOf(instances, web) === 81);
      const other = fresh();
      await register(other, 80);
      await services.until('the other', () => services.model.has(other));
      expect(instances.told).toEqual([`put n1/${web}`]);
      expect([...instances.statuses, ...services.statuses].map(({ state }) => state)).toEqual(['live', 'live']);
    },
  );

  test('cached: the agent’s cache is asked, and what it has nothing new of is proven by a read of the leader', async () => {
    using requests = new RequestCount(agent.port);
    await using watching = await started('?catalog=services&cached=true');
    await expect.poll(() => requests.count, { timeout: 10_000 }).toBeGreaterThan(4);
    expect(asked(requests).slice(0, 5)).toEqual([
      'plain consistent',
      'blocks cached',
      'plain consistent',
      'blocks cached',
      'plain consistent',
    ]);
    expect(watching.state).toBe('live');
    expect(watching.batches).toHaveLength(1);
  });

  test.each(['consistency=default', 'consistency=consistent'])(
    '%s: a service at rest costs two queries a wait, and no change of history',
    async (query) => {
      const web = fresh();
      await register(web, 80);
      await using watching = await started(`?service=${web}&${query}`);
      using requests = new RequestCount(agent.port);
      await sleep(2 * WAIT_MS);
      expect(requests.count).toBeLessThanOrEqual(2 * 3);
      await register(web, 81);
      await watching.until('port 81', () => portOf(watching, web) === 81);
      expect(watching.watcher.snapshot?.epoch).toBe(1);
      expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
    },
  );

  test('consistent: what the agent’s stream tells of a service is only a reason to read', async () => {
    const web = fresh();
    await register(web, 80);
    using requests = new RequestCount(agent.port);
    await using watching = await started(`?service=${web}&consistency=consistent`);
    await register(web, 81);
    await watching.until('port 81', () => portOf(watching, web) === 81);
    const queries = asked(requests).filter((each) => each.includes('consistent'));
    expect(queries.slice(0, 3)).toEqual(['plain consistent', 'blocks consistent', 'plain consistent']);
  });
});

describe('servers that are away', () => {
  test.concurrent.each(['service=consul', 'service=consul&cached=true', 'catalog=services&cached=true'])(
    'S22 %s: an agent that goes on answering from what it holds is no evidence of life',
    async (query) => {
      await using one = await startConsulCluster(1);
      await using beside = await one.startAgent('beside');
      const [server] = one.servers;
      await using watching = await Watching.started(`consul://${beside.endpoint}/?${query}`, { waitMs: WAIT_MS });
      // By then the agent has all it needs to answer alone.
      using requests = new RequestCount(beside.port);
      await expect.poll(() => requests.count, { timeout: 10_000 }).toBeGreaterThan(3);
      server?.pause();
      const paused = performance.now();
      await watching.until('stale', () => watching.state === 'stale');
      expect(performance.now() - paused).toBeLessThan(WAIT_MS + WAIT_MS / 16 + 3_000 + 500);
      expect(watching.model.size).toBeGreaterThan(0);
      server?.resume();
      await watching.live();
      expect(watching.told).toEqual([]);
    },
  );

  test('S24 stale: a server that has lost its leader is believed for as long as was allowed, and no longer', async () => {
    await using three = await startConsulCluster(3);
    const leader = await three.leader();
    const [follower, ...others] = three.servers.filter((server) => server !== leader);
    if (follower === undefined || leader === undefined) throw new Error('three servers were started');
    await put(follower, 'a/x', '1');
    const watch = (maxStale: string) =>
      Watching.started(`consul://${follower.endpoint}/a/?consistency=stale&max-stale=${maxStale}`, { waitMs: WAIT_MS });
    await using patient = await watch('10m');
    await using watching = await watch('500ms');
    for (const server of [leader, ...others]) server.pause();
    // The leader is asked in the end, and there is none: Consul itself tries for 8 s.
    await watching.until('stale', () => watching.state === 'stale');
    expect(['UNAVAILABLE', 'TIMEOUT', 'SILENT']).toContain(watching.code);
    expect(watching.model.size).toBe(1);
    for (const server of [leader, ...others]) server.resume();
    await expect
      .poll(() => put(follower, 'a/x', '2').then(() => 'written', String), { timeout: 30_000 })
      .toBe('written');
    await watching.value('x', '2');
    await patient.value('x', '2');
    await watching.live();
    await watching.expectServersState(follower);
  });
});
