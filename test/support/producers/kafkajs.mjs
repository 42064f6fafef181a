// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * @typedef {import('./protocol.js').ProducerConfig} ProducerConfig
 * @typedef {import('./protocol.js').Numbered} Numbered
 */

/** @param {import('./protocol.js').Opening} opening */
export async function open({ config, recorder, brokers }) {
  const { Kafka, logLevel, Partitioners } = createRequire(join(config.folder, 'package.json'))('kafkajs');
  const { topic, partitions, keyed, concurrent } = config;
  const asked = async () => {
    recorder.asked();
    return await brokers?.list();
  };
  const retry = { retries: Number.MAX_SAFE_INTEGER, initialRetryTime: 50, maxRetryTime: 500 };
  const options = { brokers: brokers === undefined ? config.servers : asked, retry, connectionTimeout: 1000 };
  const recommended = { idempotent: true, maxInFlightRequests: 1, retry, allowAutoTopicCreation: false };
  const unsafe = { idempotent: true, retry: { retries: 5 } };
  const producer = new Kafka({ ...options, logLevel: logLevel.NOTHING }).producer({
    ...(concurrent ? unsafe : recommended),
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();

  /** @param {Numbered} message */
  const send = ({ sender, number }) => {
    // Fixed by the caller: kafkajs would choose anew at each retry.
    const partition = (keyed ? sender : number) % partitions;
    const key = keyed ? { key: `sender ${sender}` } : {};
    const message = { ...key, value: JSON.stringify({ sender, number }), partition };
    return producer.send({ topic, acks: -1, messages: [message] });
  };
  return { send: concurrent ? send : inTurn(send), close: () => producer.disconnect() };
}

/**
 * One send at a time: after a failed attempt kafkajs gives its sequence to whichever message comes next.
 *
 * @param {(message: Numbered) => Promise<unknown>} send
 */
function inTurn(send) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (/** @type {Numbered} */ message) => {
    const mine = last.then(() => send(message));
    last = mine.catch(() => {});
    return mine;
  };
}
