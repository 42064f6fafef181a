// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { kafkajsOptions } from 'rollcall';
import { inTurn } from './inTurn.mjs';

/** Those of kafkajsOptions(), for a list that is not Rollcall's. */
const RETRY = { retries: Number.MAX_SAFE_INTEGER, initialRetryTime: 100, maxRetryTime: 1000 };

/**
 * @typedef {import('./protocol.js').ProducerConfig} ProducerConfig
 * @typedef {import('./protocol.js').Numbered} Numbered
 */

/** @param {import('./protocol.js').Opening} opening */
export async function open({ config, recorder, brokers, servers, signal }) {
  const { Kafka, logLevel, Partitioners } = createRequire(join(config.folder, 'package.json'))('kafkajs');
  const { topic, partitions, keyed, unsafe } = config;
  const live = brokers && kafkajsOptions(brokers);
  const { retry } = live ?? { retry: RETRY };
  const bootstrap =
    live &&
    (() => {
      recorder.asked();
      return live.brokers();
    });
  const options = { retry, connectionTimeout: 1000, ...live, brokers: bootstrap ?? servers };
  const recommended = { idempotent: true, maxInFlightRequests: 1, retry };
  const otherwise = {
    concurrent: { idempotent: true, retry: { retries: 5 } },
    impatient: { retry: { retries: 0 } },
  };
  const producer = new Kafka({ ...options, logLevel: logLevel.NOTHING }).producer({
    ...(unsafe ? otherwise[unsafe] : recommended),
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  const giveUp = () => producer.disconnect();
  signal.addEventListener('abort', giveUp);
  await producer.connect();
  signal.removeEventListener('abort', giveUp);

  /** @param {Numbered} numbered */
  const send = (numbered) => {
    // Fixed by the caller: kafkajs would choose anew at each retry.
    const partition = (keyed ? numbered.sender : numbered.number) % partitions;
    const key = keyed ? { key: `sender ${numbered.sender}` } : {};
    const message = { ...key, value: JSON.stringify(numbered), partition };
    return producer.send({ topic, acks: -1, messages: [message] });
  };
  // Several at once are what it loses by: after a failed attempt it gives its sequence number to the next message.
  return { send: unsafe === 'concurrent' ? send : inTurn(send), close: () => producer.disconnect() };
}
