import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from '../../support/kafka.js';
import { type KafkaJsAdmin, loadKafkaJs } from '../../support/kafkajs.js';

/** Between two looks, ms. */
const LOOK_MS = 100;

/** Creates topics, on as many replicas as the cluster makes by default. */
export function createTopics(kafka: Kafka, topics: readonly string[], partitions: number): Promise<unknown> {
  return administer(kafka, (admin) =>
    admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: partitions })) }),
  );
}

/** Resolves when every replica of these topics is in sync: then any one broker may go. */
export function inSync(kafka: Kafka, topics: readonly string[]): Promise<void> {
  return administer(kafka, async (admin) => {
    while (true) {
      const { topics: found } = await admin.fetchTopicMetadata({ topics });
      const partitions = found.flatMap((topic) => topic.partitions);
      if (partitions.every(({ replicas, isr }) => isr.length === replicas.length)) return;
      await delay(LOOK_MS);
    }
  });
}

async function administer<T>(kafka: Kafka, work: (admin: KafkaJsAdmin) => Promise<T>): Promise<T> {
  const { Kafka: KafkaJs, logLevel } = await loadKafkaJs();
  const retry = { retries: 1000, initialRetryTime: 50, maxRetryTime: 200 };
  const admin = new KafkaJs({ brokers: kafka.bootstrap, retry, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
