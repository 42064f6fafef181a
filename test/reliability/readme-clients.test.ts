import { describe, expect, test } from 'vitest';
import { type ClientName, installClient } from '../support/clients.js';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { blocksThatImport, runWith } from '../support/readme.js';

// Of `npm run chaos -- kafka`: these clients need a newer Node or a compiler.

const CLIENTS: readonly { readonly client: ClientName; readonly module: string }[] = [
  { client: 'platformatic', module: '@platformatic/kafka' },
  { client: 'confluent', module: '@confluentinc/kafka-javascript' },
];

describe('docs/kafka.md', () => {
  test.each(CLIENTS)('the example of $module runs as it stands', { timeout: 900_000 }, async ({ client, module }) => {
    const installed = await installClient(client);
    await using etcd = await startEtcd();
    await using kafka = await startKafka();
    await kafka.createTopic('orders');
    await etcd.etcdctl(['put', `broker/kafka/${kafka.bootstrap}`, '']);
    const [block = ''] = await blocksThatImport(module);
    const text = `${await listOf()}\n${block}`;
    await using program = await runWith(installed, module, text, etcd.endpoint);
    const stored = kafka.consume('orders', 1);
    expect((await program.ended).code, program.stderr).toBe(0);
    expect(await stored).toEqual(['first']);
  });
});

/** What the first example has before its client, which the others go on from. */
async function listOf(): Promise<string> {
  const [block = ''] = await blocksThatImport('kafkajs');
  const lines = block.split('\n').filter((line) => /^const (rollcall|watcher|brokers) = /.test(line));
  return ["import { brokerList, createRollcall } from 'rollcall';", ...lines].join('\n');
}
