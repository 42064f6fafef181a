import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from '../../support/kafka.js';
import { type KafkaJsAdmin, loadKafkaJs } from '../../support/kafkajs.js';

/** Between two looks, ms. */
const LOOK_MS = 100;

/** Creates a topic, on as many replicas as the cluster makes by default, and waits until all of them are in sync. */
export function createTopic(kafka: Kafka, topic: string, partitions: number): Promise<void> {
  return administer(kafka, async (admin) => {
    // Its own wait for leaders ends with an error where a broker has not heard of the topic yet.
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false });
    await untilInSync(admin, topic);
  });
}

/** Resolves when every replica of the topic is in sync: then any one broker may go. */
export function inSync(kafka: Kafka, topic: string): Promise<void> {
  return administer(kafka, (admin) => untilInSync(admin, topic));
}

async function untilInSync(admin: KafkaJsAdmin, topic: string): Promise<void> {
  while (!(await isInSync(admin, topic))) await delay(LOOK_MS);
}

async function isInSync(admin: KafkaJsAdmin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.every(({ partitions }) => partitions.every(({ replicas, isr }) => isr.length === replicas.length));
  } catch (error) {
    // Not yet, says the broker that was asked.
    if (/^(UNKNOWN_TOPIC_OR_PARTITION|LEADER_NOT_AVAILABLE)$/.test(String((error as { type?: string }).type)))
      return false;
    throw error;
  }
}

/** Resolves when a group has committed these offsets, by partition: then it is one that the brokers know. */
export function committed(kafka: Kafka, groupId: string, topic: string, ends: readonly number[]): Promise<void> {
  return administer(kafka, async (admin) => {
    while (true) {
      const [{ partitions } = { partitions: [] }] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const offsets = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      if (ends.every((end, partition) => offsets.get(partition) === end)) return;
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
