import { once } from 'node:events';
import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry, type Watcher } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { Etcd3, type Watcher as Etcd3Watcher } from 'etcd3';
import { request } from '../../servers/http.mjs';
import { startConsul } from '../support/consul.js';
import { startEtcd } from '../support/etcd.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';

/** What watches lose, and for how long. */
export interface Outage {
  readonly backend: 'etcd' | 'consul';
  /** The link alone: the server goes on. Or the server itself, killed and started again. */
  readonly lost: 'link' | 'server';
  readonly downMs: number;
  readonly watches: number;
}

/** After the server could answer again, ms; 0 where a watch was faster than the question by which that is found out. */
export interface Recovery {
  /** How many came back. */
  readonly watches: number;
  readonly medianMs: number;
  readonly lastMs: number;
}

interface Stage extends AsyncDisposable {
  readonly proxy: TcpProxy;
  kill(): Promise<void>;
  /** Resolves when the server answers a question like those of a watch. */
  restart(): Promise<void>;
}

/** How long Rollcall's watches take to be live again. */
export async function rollcallRecovers(outage: Outage): Promise<Recovery> {
  await using stage = await startStage(outage.backend);
  const registry = createRegistry({ adapters: [etcdAdapter, createConsulAdapter()] });
  try {
    const watchers = Array.from({ length: outage.watches }, (_, i) =>
      registry.watch(`${outage.backend}://${stage.proxy.endpoint}/w${i}/`),
    );
    await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true, timeoutMs: 60_000 })));
    return await measure(stage, outage, watchers, (watcher, live) => {
      watcher.onStatus(({ state }) => {
        if (state === 'live') live();
      });
      return staleOf(watcher);
    });
  } finally {
    await registry.close();
  }
}

/** How long etcd3's own watchers take to be connected again. */
export async function etcd3Recovers(outage: Outage): Promise<Recovery> {
  await using stage = await startStage('etcd');
  const client = new Etcd3({ hosts: stage.proxy.endpoint });
  try {
    const watchers = await Promise.all(
      Array.from({ length: outage.watches }, (_, i) => client.watch().prefix(`w${i}/`).create()),
    );
    return await measure<Etcd3Watcher>(stage, outage, watchers, (watcher, live) => {
      const lost = once(watcher, 'disconnected');
      watcher.on('connected', live);
      return lost.then(() => {});
    });
  } finally {
    client.close();
  }
}

/** @param follow calls back when the watch is there again; resolves once it has noticed the loss. */
async function measure<T>(
  stage: Stage,
  { lost, downMs }: Outage,
  watches: readonly T[],
  follow: (watch: T, live: () => void) => Promise<void>,
): Promise<Recovery> {
  const backAt: number[] = [];
  let count = (): void => {};
  const all = new Promise<void>((resolve) => {
    count = () => {
      backAt.push(performance.now());
      if (backAt.length === watches.length) resolve();
    };
  });
  const noticed = watches.map((watch) => follow(watch, count));
  const downAt = performance.now();
  if (lost === 'link') await stage.proxy.cut();
  else await stage.kill();
  await Promise.all(noticed);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, downMs - (performance.now() - downAt))));
  if (lost === 'link') await stage.proxy.resume();
  else await stage.restart();
  const answersAt = performance.now();
  await all;
  const took = backAt.map((at) => Math.max(0, at - answersAt)).sort((a, b) => a - b);
  return { watches: took.length, medianMs: took[Math.floor(took.length / 2)] ?? 0, lastMs: took.at(-1) ?? 0 };
}

function staleOf(watcher: Watcher): Promise<void> {
  return new Promise((resolve) => {
    const stop = watcher.onStatus(({ state }) => {
      if (state !== 'stale') return;
      stop();
      resolve();
    });
  });
}

async function startStage(backend: Outage['backend']): Promise<Stage> {
  return backend === 'etcd' ? etcdStage() : consulStage();
}

async function etcdStage(): Promise<Stage> {
  const etcd = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  const proxy = await startProxy(etcd);
  const answers = async (): Promise<void> => void (await etcd.etcdctl(['get', 'any']));
  return stageOf(proxy, etcd, answers);
}

async function consulStage(): Promise<Stage> {
  const consul = await startConsul({ config: { limits: { http_max_conns_per_client: 2_000 } } });
  const proxy = await startProxy(consul);
  const answers = async (): Promise<void> => {
    const { status } = await request(`http://${consul.endpoint}/v1/kv/any?consistent`, { timeoutMs: 5_000 });
    if (status !== 404) throw new Error(`Consul answers ${status}`);
  };
  return stageOf(proxy, consul, answers);
}

interface Server extends AsyncDisposable {
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

function stageOf(proxy: TcpProxy, server: Server, answers: () => Promise<void>): Stage {
  return {
    proxy,
    kill: () => server.kill9(),
    restart: async () => {
      await server.restart();
      await untilResolved(answers);
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function untilResolved(ask: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
