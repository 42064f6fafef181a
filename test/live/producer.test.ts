import { createRegistry, type Status } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { type BrokerList, brokerList } from '@rollcall/kafka';
import { expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { type Kafka, startKafka } from '../support/kafka.js';
import { type KafkaJs, type KafkaJsProducer, loadKafkaJs } from '../support/kafkajs.js';
import { NumberedSender, tally } from '../support/numbered.js';
import { within } from '../support/within.js';

const TOPIC = 'numbers';
const PREFIX = 'broker/kafka/';
/** Numbers that must be acknowledged before and after each event: half a second at 20 ms. */
const SOME = 25;
/** How long any one event may take, ms: only so that a failure says which one did not come. */
const PATIENCE_MS = 40_000;

/** kafkajs as recommended: idempotent, one send in flight, and patience in both places that have a `retry`. */
function producerOf(
  { Kafka, Partitioners, logLevel }: KafkaJs,
  brokers: readonly string[] | BrokerList['list'],
  retries = Number.MAX_SAFE_INTEGER,
): KafkaJsProducer {
  const retry = { retries, initialRetryTime: 50, maxRetryTime: 500 };
  return new Kafka({ brokers, retry, logLevel: logLevel.NOTHING, connectionTimeout: 1000 }).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry,
  });
}

/** A producer that sends the next numbers until `stop()`, which waits for the last acknowledgement. */
async function startSending(sender: NumberedSender, producer: KafkaJsProducer) {
  await producer.connect();
  const stopping = new AbortController();
  const send = (number: number): Promise<unknown> =>
    producer.send({ topic: TOPIC, acks: -1, messages: [{ value: String(number), partition: 0 }] });
  const running = sender.run(send, stopping.signal);
  const ended = running.then(() => Promise.reject(new Error('the sending was stopped')));
  // Who waits for an acknowledgement or the stop hears of it; until then it is no unhandled rejection.
  ended.catch(() => {});
  return {
    /** Resolves when that many more numbers are acknowledged. @throws what ended the sending before */
    more: (count: number): Promise<void> => Promise.race([sender.more(count), ended]),
    stop: async (): Promise<void> => {
      stopping.abort();
      await running;
      await producer.disconnect();
    },
  };
}

/** Resolves when the list has these addresses. */
async function listed(brokers: BrokerList, addresses: readonly string[]): Promise<void> {
  const wanted = [...addresses].sort().join();
  for await (const update of brokers) if ([...update.brokers].sort().join() === wanted) return;
}

function reached(brokers: BrokerList, state: Status['state']): Promise<void> {
  return new Promise((resolve) => {
    const look = (status: Status): void => {
      if (status.state !== state) return;
      stop();
      resolve();
    };
    const stop = brokers.onStatus(look);
    look(brokers.status);
  });
}

/** All that the topic's one partition holds, by Kafka's own tools. */
async function storedNumbers(kafka: Kafka): Promise<number[]> {
  const end = await kafka.tool('GetOffsetShell', ['--topic', TOPIC]);
  return (await kafka.consume(TOPIC, Number(end.trim().split(':').at(-1)))).map(Number);
}

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
