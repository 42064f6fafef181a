import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brokerList, createRollcall, type Logger } from 'rollcall';
import { expect, test } from 'vitest';
import { startConsul } from '../support/consul.js';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { loadKafkaJs } from '../support/kafkajs.js';
import { NumberedSender, tally } from '../support/numbered.js';
import { listed, producerOf, startSending, storedNumbers, TOPIC } from '../support/producing.js';
import { temporaryRoot } from '../support/reaper.js';
import { within } from '../support/within.js';

/** Numbers that must be acknowledged before and after each event: half a second at 20 ms. */
const SOME = 25;
const PATIENCE_MS = 40_000;

/** A logger, and a way to wait for the nth line that contains some text. */
function listeningLogger() {
  const lines: string[] = [];
  let wake = (): void => {};
  const log = (_: object, message: string): void => {
    lines.push(message);
    wake();
  };
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const logged = async (text: string, times: number): Promise<void> => {
    while (lines.filter((line) => line.includes(text)).length < times) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { logger, logged, lines };
}

test('S66 a running producer follows one edited line from etcd to Consul and back; no acknowledged message is lost', async () => {
  const loading = loadKafkaJs();
  await using etcd = await startEtcd();
  await using consul = await startConsul();
  await using kafka = await startKafka();
  const [broker] = kafka.brokers;
  if (broker === undefined) throw new Error('no broker');
  await kafka.createTopic(TOPIC);
  const kafkajs = await loading;
  const folder = await mkdtemp(join(temporaryRoot(), 'swap-'));
  const config = join(folder, 'rollcall.yaml');
  /** As an editor saves. Only this one line is ever different. */
  const edit = async (source: string): Promise<void> => {
    await writeFile(`${config}.new`, `watches:\n  orders:\n    source: ${source}\n`);
    await rename(`${config}.new`, config);
  };
  // A leading slash on one side only: what counts is the key after its own prefix.
  const onEtcd = `etcd://${etcd.endpoint}//broker/kafka/`;
  const onConsul = `consul://${consul.endpoint}/broker/kafka/`;
  const toEtcd = (address: string): Promise<string> => etcd.etcdctl(['put', `/broker/kafka/${address}`, '']);
  const toConsul = (address: string): Promise<unknown> =>
    consul.http(`/v1/kv/broker/kafka/${address}`, { method: 'PUT', body: '' });
  const before = broker.endpoint;
  const alias = `localhost:${broker.port}`;
  await toEtcd(before);
  await toConsul(before);
  await edit(onEtcd);

  const { logger, logged, lines } = listeningLogger();
  await using rollcall = createRollcall({ config, logger, env: {} });
  const watcher = rollcall.watch('orders');
  await using brokers = brokerList(watcher);
  const sender = new NumberedSender();
  const comes = <T>(what: string, event: Promise<T>): Promise<T> =>
    within(PATIENCE_MS, what, event, () => JSON.stringify({ current: brokers.current, lines }));
  const sending = await comes('the connection', startSending(sender, producerOf(kafkajs, brokers.list)));
  await comes('acknowledgements on etcd', sending.more(SOME));

  const told: string[] = [];
  const reader = (async () => {
    for await (const { cause, changes } of watcher) {
      for (const { type, key } of changes) told.push(`${cause} ${type} ${key}`);
    }
  })();
  await edit(onConsul);
  await comes('the move to Consul', logged('has moved', 1));
  expect(told).toEqual([`initial put ${before}`]);
  expect(watcher.version).toBe(1);
  await comes('acknowledgements on Consul', sending.more(SOME));

  // Consul is followed now, and etcd no longer: what it is told meanwhile is exactly the difference on the way back.
  await toConsul(alias);
  await comes('a change in Consul', listed(brokers, [before, alias]));
  await toEtcd('127.0.0.1:1');
  await edit(onEtcd);
  await comes('the move back', logged('has moved', 2));
  await comes('the difference', listed(brokers, [before, '127.0.0.1:1']));
  expect(told.slice(1, 2)).toEqual([`delta put ${alias}`]);
  expect(told.slice(2).sort()).toEqual([`swap delete ${alias}`, 'swap put 127.0.0.1:1']);
  await comes('acknowledgements on etcd again', sending.more(SOME));

  // And the brokers move while the list comes from the backend that was swapped to.
  await edit(onConsul);
  await comes('the second move to Consul', logged('has moved', 3));
  await broker.move();
  await toConsul(broker.endpoint);
  for (const address of [before, alias]) await consul.http(`/v1/kv/broker/kafka/${address}`, { method: 'DELETE' });
  await comes('the new address', listed(brokers, [broker.endpoint]));
  await comes('acknowledgements from the new address', sending.more(SOME));
  await comes('the end of the producer', sending.stop());
  await watcher.close();
  await reader;

  const { acknowledged, lost, duplicated } = tally(sender.acknowledged, await storedNumbers(kafka));
  console.log(`acknowledged ${acknowledged}, lost ${lost.length}, duplicated ${duplicated.length}`);
  expect({ lost, duplicated }).toEqual({ lost: [], duplicated: [] });
  expect(acknowledged).toBeGreaterThanOrEqual(4 * SOME);
  await rm(folder, { recursive: true });
}, 240_000);
