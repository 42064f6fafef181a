import { expect, test } from 'vitest';
import { installClient } from '../support/clients.js';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { blocksThatImport, runWith } from '../support/readme.js';

test("README's producer example runs as it stands, on a real etcd and a real Kafka", async () => {
  await using etcd = await startEtcd();
  await using kafka = await startKafka();
  await kafka.createTopic('orders');
  await etcd.etcdctl(['put', `broker/kafka/${kafka.bootstrap}`, '']);
  const [block = ''] = await blocksThatImport('kafkajs');
  await using program = await runWith(await installClient('kafkajs'), 'kafkajs', block, etcd.endpoint);
  const stored = kafka.consume('orders', 1);
  const died = program.ended.then(() => Promise.reject(new Error(`It ended: ${program.stdout}${program.stderr}`)));
  expect(await Promise.race([stored, died])).toEqual(['first']);
}, 240_000);
