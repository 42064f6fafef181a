import { createRegistry } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { brokerList } from '@rollcall/kafka';
import { expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { loadKafkaJs } from '../support/kafkajs.js';
import { NumberedSender, tally } from '../support/numbered.js';
import { listed, producerOf, reached, startSending, storedNumbers, TOPIC } from '../support/producing.js';
import { within } from '../support/within.js';

const PREFIX = 'broker/kafka/';
/** Numbers that must be acknowledged before and after each event: half a second at 20 ms. */
const SOME = 25;
/** How long any one event may take, ms: only so that a failure says which one did not come. */
const PATIENCE_MS = 40_000;

test('the main job: no acknowledged message is lost while keys change, etcd dies and the brokers move', async () => {
  const loading = loadKafkaJs();
  await using etcd = await startEtcd();
  await using kafka = await startKafka();
  const [broker] = kafka.brokers;
  if (broker === undefined) throw new Error('no broker');
  await kafka.createTopic(TOPIC);
  const kafkajs = await loading;
  const put = (address: string): Promise<string> => etcd.etcdctl(['put', PREFIX + address, '']);
  const del = (address: string): Promise<string> => etcd.etcdctl(['del', PREFIX + address]);

  await using registry = createRegistry({ adapters: [etcdAdapter] });
  await using brokers = brokerList(registry.watch(`etcd://${etcd.endpoint}/${PREFIX}`));
  const sender = new NumberedSender();
  const comes = <T>(what: string, event: Promise<T>): Promise<T> =>
    within(PATIENCE_MS, what, event, () => {
      const { current, status } = brokers;
      const trouble = 'error' in status ? status.error?.message : undefined;
      const acknowledged = sender.acknowledged.length;
      return `${JSON.stringify({ current, state: status.state, trouble, acknowledged })}\n${kafka.logTail}`;
    });
  const before = broker.endpoint;
  const alias = `localhost:${broker.port}`;

  // The registry is empty: the producer waits for its first list.
  const starting = startSending(sender, producerOf(kafkajs, brokers.list));
  starting.catch(() => {});
  await comes('the empty registry', reached(brokers, 'stale'));
  expect(brokers.status).toMatchObject({ code: 'TOO_FEW_BROKERS' });
  await put(before);
  let sending = await comes('the first connection', starting);
  await comes('the first acknowledgements', sending.more(SOME));

  await put(alias);
  await comes('a broker more', listed(brokers, [before, alias]));
  await del(before);
  await comes('a broker less', listed(brokers, [alias]));
  await comes('acknowledgements after the list changed', sending.more(SOME));

  await etcd.kill9();
  await comes('the end of etcd', reached(brokers, 'stale'));
  expect(brokers.current).toEqual([alias]);
  await comes('acknowledgements without etcd', sending.more(SOME));
  await etcd.restart();
  await comes('etcd again', reached(brokers, 'live'));
  await put(before);
  await comes('a change after the restart', listed(brokers, [before, alias]));
  await comes('acknowledgements after the restart', sending.more(SOME));

  // All brokers (it is one) are killed and elsewhere: nothing answers at any address that the running producer knows.
  await broker.move();
  await put(broker.endpoint);
  await del(before);
  await del(alias);
  await comes('the new address', listed(brokers, [broker.endpoint]));
  await comes('acknowledgements from the new address', sending.more(SOME));

  // Restarted, it has nothing but the list.
  await comes('the end of the first producer', sending.stop());
  sending = await comes('the second connection', startSending(sender, producerOf(kafkajs, brokers.list)));
  await comes('acknowledgements to the second producer', sending.more(SOME));
  await comes('the end of the second producer', sending.stop());

  const { acknowledged, lost, duplicated, reordered } = tally(sender.acknowledged, await storedNumbers(kafka));
  console.log(
    `acknowledged ${acknowledged}, lost ${lost.length}, duplicated ${duplicated.length}, reordered ${reordered.length}; longest gap ${sender.longestGapMs} ms`,
  );
  expect({ lost, duplicated, reordered }).toEqual({ lost: [], duplicated: [], reordered: [] });
  expect(acknowledged).toBeGreaterThanOrEqual(6 * SOME);

  const control = producerOf(kafkajs, [before], 1);
  await expect(control.connect(), 'K23 a static list of the old address must fail').rejects.toThrow('ECONNREFUSED');
}, 240_000);
