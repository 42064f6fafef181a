import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry } from '@rollcall/core';
import { fileAdapter } from '@rollcall/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { brokerList } from '../../src/index.js';

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
