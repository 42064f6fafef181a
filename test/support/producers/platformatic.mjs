// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {import('./protocol.js').Numbered} Numbered */

/** @param {import('./protocol.js').Opening} opening */
export async function open({ config, recorder, brokers, servers }) {
  const entry = createRequire(join(config.folder, 'package.json')).resolve('@platformatic/kafka');
  const { Producer, kGetBootstrapConnection } = await import(pathToFileURL(entry).href);
  const { topic, keyed } = config;
  const producer = new Producer({
    clientId: 'numbers',
    bootstrapBrokers: brokers === undefined ? servers : ['127.0.0.1:1'],
    idempotent: true,
    connectTimeout: 1000,
    retryDelay: 200,
  });
  if (brokers !== undefined) {
    producer[kGetBootstrapConnection] = async (/** @type {Function} */ callback) => {
      recorder.asked();
      const addresses = (await brokers.ready()).brokers.map((address) => {
        const at = address.lastIndexOf(':');
        return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
      });
      producer.connections.getFirstAvailable(addresses, callback);
    };
  }
  // Not before a broker answers.
  await producer.metadata({ topics: [topic] });

  /** @param {Numbered} message */
  const send = ({ sender, number }) => {
    const key = keyed ? { key: Buffer.from(`sender ${sender}`) } : {};
    return producer.send({ messages: [{ topic, ...key, value: Buffer.from(JSON.stringify({ sender, number })) }] });
  };
  return { send, close: () => producer.close() };
}
