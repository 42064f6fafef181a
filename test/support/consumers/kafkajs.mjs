// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { kafkajsOptions } from 'rollcall';

/** @param {import('./consumer.mjs').Opening} opening */
export async function open({ config, brokers, consumed, failed }) {
  const { Kafka, logLevel } = createRequire(join(config.folder, 'package.json'))('kafkajs');
  const kafka = new Kafka({ ...kafkajsOptions(brokers), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const consumer = kafka.consumer({ groupId: config.group });
  // It starts again by itself.
  consumer.on('consumer.crash', (/** @type {any} */ { payload }) => failed(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topics: [config.topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async (/** @type {any} */ { partition, message }) =>
      consumed(partition, Number(message.offset), message.value),
  });
  return {
    addresses: async () => {
      const { brokers: known } = await admin.describeCluster();
      return known.map((/** @type {any} */ { host, port }) => `${host}:${port}`);
    },
  };
}
