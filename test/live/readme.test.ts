import { expect, test } from 'vitest';
import { installClient } from '../support/clients.js';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { blocksThatImport, runWith } from '../support/readme.js';

test('The kafkajs example of docs/kafka.md runs as it stands, and ends, on a real etcd and a real Kafka', async () => {
  await using etcd = await startEtcd();
  await using kafka = await startKafka();
  await kafka.createTopic('orders');
  await etcd.etcdctl(['put', `broker/kafka/${kafka.bootstrap}`, '']);
  const [block = ''] = await blocksThatImport('kafkajs');
  await using program = await runWith(await installClient('kafkajs'), 'kafkajs', block, etcd.endpoint);
  const stored = kafka.consume('orders', 1);
  // kafkajs logs to standard error, also what it tries again.
  expect(await program.ended, program.stderr).toEqual({ code: 0, signal: null });
  expect(await stored).toEqual(['first']);
}, 240_000);
