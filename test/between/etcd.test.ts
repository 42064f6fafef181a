import { createRegistry } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';
import { etcdAdapter } from '@rollcall/etcd';
import { describe, test, vi } from 'vitest';
import { base64, fromBase64, Gateway, type RangeAnswer } from '../chaos/etcd/gateway.js';
import { APP, Guarded } from '../faults/etcd-guarded.js';
import { putMany } from '../faults/etcd-watching.js';
import { type Etcd, type EtcdVersion, startEtcd } from '../support/etcd.js';
import { startEtcdCluster } from '../support/etcd-cluster.js';
import { GrpcBalancer, TcpBalancer } from './balancers.js';
import { type Between, follow } from './follow.js';
import { GrpcProxy } from './grpcProxy.js';
import { changingName } from './name.js';
import { textOf } from './sampler.js';

vi.setConfig({ testTimeout: 180_000 });

const PREFIX = 'b/';
/** Of etcd's own proxy; the other versions run by `npm run test:matrix`. */
const VERSIONS = (process.env.ROLLCALL_TEST_MATRIX ? ['3.5', '3.6', '3.7'] : ['3.6']) as readonly EtcdVersion[];

interface Store {
  readonly endpoint: string;
  readonly port: number;
}

/** The store by its JSON gateway. */
function storeOf({ port }: Store, adapter: Adapter = etcdAdapter): Omit<Between, 'url'> {
  const gateway = new Gateway(port);
  const range = { key: base64(PREFIX), range_end: base64('b0') };
  return {
    adapter,
    write: async (key, value) => {
      const body = { key: base64(`${PREFIX}${key}`) };
      if (value === undefined) await gateway.post('/v3/kv/deleterange', body, 10_000);
      else await gateway.post('/v3/kv/put', { ...body, value: base64(value) }, 10_000);
    },
    list: async () => {
      const { kvs = [] } = await gateway.post<RangeAnswer>('/v3/kv/range', range, 10_000);
      return new Map(kvs.map(({ key, value = '' }) => [fromBase64(key).slice(PREFIX.length), fromBase64(value)]));
    },
  };
}

const urlOf = (endpoint: string): string => `etcd://${endpoint}/${PREFIX}`;

async function answersAgain(etcd: Etcd): Promise<void> {
  await etcd.restart();
  for (;;) {
    const answers = await etcd.etcdctl(['get', 'any']).then(
      () => true,
      () => false,
    );
    if (answers) return;
  }
}

describe.concurrent('S78 what stands between etcd and a watch', () => {
  test('nothing', async () => {
    await using etcd = await startEtcd();
    await follow({ ...storeOf(etcd), url: urlOf(etcd.endpoint), restartStore: () => answersAgain(etcd) });
  });

  test.each(VERSIONS)('S70 etcd grpc-proxy %s', async (version) => {
    await using etcd = await startEtcd({ version });
    await using proxy = await GrpcProxy.start([etcd.endpoint], { version });
    await follow({
      ...storeOf(etcd),
      url: urlOf(proxy.endpoint),
      restartBetween: () => proxy.restart(),
      restartStore: () => answersAgain(etcd),
    });
  });

  test('S72 a TCP balancer over three members', async () => {
    await using cluster = await startEtcdCluster(3);
    const [first] = cluster.members as [Etcd, ...Etcd[]];
    await using balancer = await TcpBalancer.start(cluster.members.map(({ port }) => port));
    await follow({
      ...storeOf(first),
      url: urlOf(balancer.endpoint),
      restartBetween: async () => balancer.drop(),
      restartStore: () => answersAgain(first),
    });
  });

  test('S72 a TCP balancer that moves to another cluster', async () => {
    await using one = await startEtcd();
    await using two = await startEtcd();
    // Of the same name and longer history, so that revisions alone tell nothing.
    await putMany(two, 300, (index) => `elsewhere/${index}`);
    await two.etcdctl(['put', `${PREFIX}k1`, 'of the other']);
    await using balancer = await TcpBalancer.start([one.port]);
    let store = storeOf(one);
    await follow({
      adapter: etcdAdapter,
      url: urlOf(balancer.endpoint),
      write: (key, value) => store.write(key, value),
      list: () => store.list(),
      move: async () => {
        store = storeOf(two);
        balancer.moveTo([two.port]);
      },
    });
  });

  test('S72 a gRPC balancer that splits one session over three members', async () => {
    await using cluster = await startEtcdCluster(3);
    const [first] = cluster.members as [Etcd, ...Etcd[]];
    await using balancer = await GrpcBalancer.start(cluster.members.map(({ port }) => port));
    await follow({ ...storeOf(first), url: urlOf(balancer.endpoint), restartBetween: async () => balancer.drop() });
  });

  test('a name whose address changes', async () => {
    await using etcd = await startEtcd();
    await using one = await TcpBalancer.start([etcd.port]);
    await using _two = await TcpBalancer.start([etcd.port], { host: '127.0.0.2', port: one.port });
    const name = changingName(one.endpoint);
    try {
      await follow({
        ...storeOf(etcd),
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

describe.concurrent('S70 many watches behind etcd grpc-proxy', () => {
  test('200 at once, equal ones among them: each has its own prefix’s keys, and only those', async ({ expect }) => {
    await using etcd = await startEtcd();
    await using proxy = await GrpcProxy.start([etcd.endpoint]);
    await putMany(etcd, 100, (index) => `m/${index}/first`);
    const registry = createRegistry({ adapters: [etcdAdapter] });
    const watchers = Array.from({ length: 200 }, (_, i) => registry.watch(`etcd://${proxy.endpoint}/m/${i % 100}/`));
    await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true, timeoutMs: 30_000 })));
    await putMany(etcd, 100, (index) => `m/${index}/second`);
    await etcd.etcdctl(['del', '--prefix', 'm/7/']);
    const keysOf = (at: number): string => [...(watchers[at]?.snapshot?.entries ?? [])].map(([key]) => key).join();
    for (let i = 0; i < 200; i++) {
      await expect.poll(() => keysOf(i), { timeout: 10_000 }).toBe(i % 100 === 7 ? '' : 'first,second');
    }
    await registry.close();
  });

  test('its namespace: keys are as the proxy names them', async ({ expect }) => {
    await using etcd = await startEtcd();
    await using proxy = await GrpcProxy.start([etcd.endpoint], { namespace: 'ns/' });
    await etcd.etcdctl(['put', 'ns/a/1', 'x']);
    await etcd.etcdctl(['put', 'a/2', 'outside']);
    const registry = createRegistry({ adapters: [etcdAdapter] });
    const watcher = registry.watch(`etcd://${proxy.endpoint}/a/`);
    await watcher.ready({ fresh: true, timeoutMs: 10_000 });
    await etcd.etcdctl(['put', 'ns/a/3', 'x']);
    await expect
      .poll(() => textOf([...(watcher.snapshot?.entries ?? [])].map(([key]) => [key, ''])), { timeout: 10_000 })
      .toBe(
        textOf([
          ['1', ''],
          ['3', ''],
        ]),
      );
    await registry.close();
  });

  test('with authentication, 200 at once: those that are refused end, and no other is held up', async ({ expect }) => {
    await using guarded = await Guarded.start({ grants: ['a/'], enabled: false });
    const { etcd } = guarded;
    // The proxy itself has no user: where authentication is on, it calls itself unhealthy, and works.
    await using proxy = await GrpcProxy.start([etcd.endpoint]);
    await guarded.enable();
    const registry = createRegistry({ adapters: [etcdAdapter] });
    const watchers = Array.from({ length: 200 }, (_, i) =>
      registry.watch(`etcd://${proxy.endpoint}/${i % 10 === 3 ? 'secret' : 'a'}/${i}/`, APP),
    );
    const settled = await Promise.allSettled(
      watchers.map((watcher) => watcher.ready({ fresh: true, timeoutMs: 30_000 })),
    );
    const codes = settled.map((each) => (each.status === 'fulfilled' ? 'live' : each.reason.code));
    expect(codes).toEqual(watchers.map((_, i) => (i % 10 === 3 ? 'FORBIDDEN' : 'live')));
    for (const i of [0, 99, 199]) await etcd.etcdctl(['put', `a/${i}/k`, 'x'], { user: 'root:root-secret' });
    const sizes = (): number[] => watchers.map(({ snapshot }) => snapshot?.entries.size ?? 0);
    await expect.poll(sizes, { timeout: 10_000 }).toEqual(watchers.map((_, i) => ([0, 99, 199].includes(i) ? 1 : 0)));
    await registry.close();
  });
});
