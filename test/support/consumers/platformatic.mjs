// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { followBrokers } from 'rollcall';

/** @param {import('./consumer.mjs').Opening} opening */
export async function open({ config, brokers, consumed, failed }) {
  const entry = createRequire(join(config.folder, 'package.json')).resolve('@platformatic/kafka');
  const platformatic = await import(pathToFileURL(entry).href);
  const { topic, group: groupId } = config;
  const options = { clientId: 'numbers', bootstrapBrokers: [], connectTimeout: 1000, retryDelay: 200, retries: true };
  const admin = followBrokers(new platformatic.Admin(options), brokers, platformatic);
  const consumer = followBrokers(new platformatic.Consumer({ ...options, groupId }), brokers, platformatic);
  consumer.on('error', failed);
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });
  stream.on('error', failed);
  stream.on('data', (/** @type {any} */ { partition, offset, value }) => consumed(partition, Number(offset), value));
  return {
    addresses: async () => {
      const { brokers: known } = await admin.metadata({ topics: [topic], forceUpdate: true });
      return [...known.values()].map(({ host, port }) => `${host}:${port}`);
    },
  };
}
