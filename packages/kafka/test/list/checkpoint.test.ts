import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry } from '@rollcall/core';
import { fileAdapter } from '@rollcall/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BrokerListOptions, brokerList } from '../../src/index.js';
import { FakeBroker } from '../fakeBroker.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-kafka-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('S68 a program that starts while the registry is away has the brokers of the last state at once', async () => {
  const file = join(folder, 'brokers.yaml');
  const url = `file:${file}#broker/`;
  const options = { checkpoint: join(folder, 'brokers.checkpoint') };
  await writeFile(file, 'broker/10.0.0.1:9092:\nbroker/10.0.0.2:9092:\n');
  {
    await using registry = createRegistry({ adapters: [fileAdapter] });
    await registry.watch(url, options).ready();
  }
  await rename(file, `${file}.away`);

  await using registry = createRegistry({ adapters: [fileAdapter] });
  const watcher = registry.watch(url, options);
  await using brokers = brokerList(watcher, { fallback: ['10.9.9.9:9092'], quietMs: 0 });
  const updates = brokers.updates();
  const lists: (readonly string[])[] = [];
  const untilListed = async (first: string, count: number): Promise<void> => {
    while (lists.at(-1)?.[0] !== first || lists.at(-1)?.length !== count) {
      const { value } = await updates.next();
      lists.push(value.brokers);
    }
  };
  await untilListed('10.0.0.1:9092', 2);
  expect(lists, 'the fallback was not needed').toHaveLength(1);
  expect(brokers.status).toMatchObject({ state: 'stale', code: 'UNREADABLE' });
  expect(await brokers.list()).toEqual(['10.0.0.1:9092', '10.0.0.2:9092']);

  await writeFile(`${file}.away`, 'broker/10.0.0.2:9092:\nbroker/10.0.0.3:9092:\nbroker/10.0.0.4:9092:\n');
  await rename(`${file}.away`, file);
  await untilListed('10.0.0.2:9092', 3);
  expect(brokers.status.state).toBe('live');
});

test('K10 the cluster that was learned is known after a restart, and another one is refused', async () => {
  await using one = await FakeBroker.start({ clusterId: 'one' });
  await using two = await FakeBroker.start({ clusterId: 'two' });
  const file = join(folder, 'brokers.yaml');
  const checkpoint = join(folder, 'brokers.checkpoint');
  const url = `file:${file}#broker/`;
  const start = async (address: string, options: BrokerListOptions = {}) => {
    await writeFile(file, `broker/1: ${address}\n`);
    const registry = createRegistry({ adapters: [fileAdapter] });
    const watcher = registry.watch(url, { checkpoint });
    return { registry, brokers: brokerList(watcher, { probe: true, quietMs: 0, ...options }) };
  };
  const first = await start(one.address);
  await first.brokers.ready();
  expect(first.brokers.gate.clusterId).toBe('one');
  await first.registry.close();

  const second = await start(two.address);
  await expect.poll(() => second.brokers.status).toMatchObject({ state: 'stale', code: 'OTHER_CLUSTER' });
  expect(second.brokers.current).toEqual([]);
  await second.registry.close();
  {
    // A process that asks for no cluster keeps what is known.
    await using registry = createRegistry({ adapters: [fileAdapter] });
    await registry.watch(url, { checkpoint }).ready();
  }
  // What is given decides.
  const third = await start(one.address);
  expect((await third.brokers.ready()).brokers).toEqual([one.address]);
  await third.registry.close();
  const given = await start(two.address, { clusterId: 'two' });
  expect((await given.brokers.ready()).brokers).toEqual([two.address]);
  await given.registry.close();
});
