import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { freePort } from '../support/ports.js';
import { temporaryRoot } from '../support/reaper.js';
import { BenchProgram, measure } from './program.js';
import { rowOf } from './row.js';
import { inTurn, type Work } from './works.js';

const TOPIC = 'bench';

const collection: Work = {
  name: 'collection',
  async run({ items, rounds }, progress) {
    progress(`one change of ${items} items`);
    const measured = await inTurn(['ours'] as const, rounds, () => measure('collection', { items }));
    const ours = measured('ours', 'microseconds');
    const work = `one change of ${items} items in six collections of one watch`;
    return [
      rowOf({ name: 'collection', work, metric: 'microseconds, median', target: { of: 'ours', most: 1_000 }, ours }),
    ];
  },
};

const gateway: Work = {
  name: 'gateway',
  async run({ gatewayMs, rounds }, progress) {
    progress('the gateway of examples/');
    await using etcd = await startEtcd();
    const server = createServer((_, response) => response.end('HelloWorld')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const node = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    await etcd.etcdctl(['put', 'gateway/routes/1', JSON.stringify({ path: '/*', upstream: 'u' })]);
    await etcd.etcdctl(['put', 'gateway/upstreams/u', JSON.stringify({ nodes: [node] })]);
    const measured = await inTurn(['watched', 'fixed'] as const, rounds, async (side) => {
      const port = await freePort();
      const program = BenchProgram.of('gateway', { side, url: `etcd://${etcd.endpoint}/gateway/`, port, node });
      await program.said('ready');
      const url = `http://127.0.0.1:${port}/a/path`;
      // The first ones still compile.
      await autocannon({ url, connections: 16, duration: gatewayMs / 3_000 });
      const { requests, non2xx, errors, duration } = await autocannon({
        url,
        connections: 16,
        duration: gatewayMs / 1_000,
      });
      if (non2xx + errors > 0) throw new Error(`${non2xx} requests were refused, and ${errors} failed`);
      await program.result();
      return { requestMs: (duration * 1_000) / requests.total };
    });
    server.close();
    const ours = measured('watched', 'requestMs');
    const peer = { name: 'the same proxy, one fixed upstream', values: measured('fixed', 'requestMs') };
    const metric = 'ms a request, 16 connections';
    return [
      rowOf({ name: 'gateway', work: 'the example gateway', metric, target: { of: 'ratio', most: 1.1 }, ours, peer }),
    ];
  },
};

const collector: Work = {
  name: 'collector',
  async run({ records, rounds }, progress) {
    progress('the store of examples/collector');
    await using kafka = await startKafka();
    await kafka.createTopic(TOPIC, { partitions: 3 });
    const folder = await mkdtemp(join(temporaryRoot(), 'bench-'));
    try {
      const file = join(folder, 'brokers.json');
      await writeFile(file, JSON.stringify(Object.fromEntries(kafka.bootstrap.map((address) => [address, '']))));
      const measured = await inTurn(['batched', 'single'] as const, rounds, (side) => {
        const isBatched = side === 'batched';
        const task = { batch: isBatched ? 500 : 1, records: isBatched ? records : Math.ceil(records / 10) };
        return measure('collector', { url: `file:${file}`, topic: TOPIC, ...task });
      });
      const perSecond = (side: 'batched' | 'single'): number[] => measured(side, 'recordMs').map((ms) => 1_000 / ms);
      const peer = { name: 'one at a time', values: perSecond('single') };
      const metric = 'records/s';
      const work = 'records of 200 bytes stored in 3 partitions, up to 500 in a batch';
      return [rowOf({ name: 'collector', work, metric, ours: perSecond('batched'), peer })];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** What is built on collections, and the examples. */
export const exampleWorks: readonly Work[] = [collection, gateway, collector];
