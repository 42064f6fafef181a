// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createRelay, librdkafkaOptions } from 'rollcall';

/** @param {import('./consumer.mjs').Opening} opening */
export async function open({ config, brokers, consumed }) {
  const { KafkaJS } = createRequire(join(config.folder, 'package.json'))('@confluentinc/kafka-javascript');
  const relay = await createRelay(brokers);
  const kafka = new KafkaJS.Kafka(librdkafkaOptions(relay));
  const admin = kafka.admin();
  await admin.connect();
  const consumer = kafka.consumer({ 'group.id': config.group, 'auto.offset.reset': 'earliest' });
  await consumer.connect();
  await consumer.subscribe({ topics: [config.topic] });
  await consumer.run({
    eachMessage: async (/** @type {any} */ { partition, message }) =>
      consumed(partition, Number(message.offset), message.value),
  });
  return {
    addresses: async () => {
      const [{ partitions }] = await admin.fetchTopicMetadata({ topics: [config.topic] });
      const nodes = partitions.flatMap((/** @type {any} */ { replicaNodes }) => replicaNodes);
      return [...new Set(nodes.map((/** @type {any} */ { host, port }) => `${host}:${port}`))];
    },
  };
}
