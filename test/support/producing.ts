import type { Status } from '@rollcall/core';
import type { BrokerList } from '@rollcall/kafka';
import type { Kafka } from './kafka.js';
import type { KafkaJs, KafkaJsProducer } from './kafkajs.js';
import type { NumberedSender } from './numbered.js';

/** The topic of the tests' producers: one partition. */
export const TOPIC = 'numbers';

/** kafkajs as recommended: idempotent, one send in flight, and the `retry` in both places. */
export function producerOf(
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
export async function startSending(sender: NumberedSender, producer: KafkaJsProducer) {
  await producer.connect();
  const stopping = new AbortController();
  const send = (number: number): Promise<unknown> =>
    producer.send({ topic: TOPIC, acks: -1, messages: [{ value: String(number), partition: 0 }] });
  const running = sender.run(send, stopping.signal);
  const ended = running.then(() => Promise.reject(new Error('the sending was stopped')));
  // Those who wait for an acknowledgement or the stop get the error; until then it must not be an unhandled rejection.
  ended.catch(() => {});
  return {
    /** Resolves when this many more numbers are acknowledged. @throws the error that ended the sending */
    more: (count: number): Promise<void> => Promise.race([sender.more(count), ended]),
    stop: async (): Promise<void> => {
      stopping.abort();
      await running;
      await producer.disconnect();
    },
  };
}

/** Resolves when the list has these addresses. */
export async function listed(brokers: BrokerList, addresses: readonly string[]): Promise<void> {
  const wanted = [...addresses].sort().join();
  for await (const update of brokers) if ([...update.brokers].sort().join() === wanted) return;
}

export function reached(brokers: BrokerList, state: Status['state']): Promise<void> {
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

/** Everything in the topic's one partition, read by Kafka's own tools. */
export async function storedNumbers(kafka: Kafka): Promise<number[]> {
  const end = await kafka.tool('GetOffsetShell', ['--topic', TOPIC]);
  return (await kafka.consume(TOPIC, Number(end.trim().split(':').at(-1)))).map(Number);
}
