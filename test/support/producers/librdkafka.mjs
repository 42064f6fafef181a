// @ts-check
import { librdkafkaOptions } from 'rollcall';

/** @typedef {import('./protocol.js').Numbered} Numbered */

/** How often librdkafka tells of its connections, and is asked for outcomes, ms. */
const STATISTICS_MS = 1000;
const POLL_MS = 10;

/**
 * A producer of node-rdkafka, or of Confluent's client, which has the same interface.
 *
 * @param {any} Producer
 * @param {import('./protocol.js').Opening} opening
 */
export async function openProducer(Producer, { config, recorder, servers }) {
  const { topic, keyed } = config;
  const producer = new Producer({
    // All that librdkafkaOptions() reads of a relay is its address.
    ...librdkafkaOptions({ address: servers.join() }),
    'enable.idempotence': true,
    'message.timeout.ms': 0,
    dr_cb: true,
    'statistics.interval.ms': STATISTICS_MS,
  });
  producer.on('delivery-report', (/** @type {Error | null} */ error, /** @type {any} */ { opaque }) => opaque(error));
  producer.on('event.stats', connectionsFrom(recorder));
  await new Promise((resolve, reject) => {
    producer.connect({ timeout: 60_000 }, (/** @type {Error | null} */ error) =>
      error ? reject(error) : resolve(undefined),
    );
  });
  producer.setPollInterval(POLL_MS);

  /** @param {Numbered} numbered */
  const send = (numbered) =>
    new Promise((resolve, reject) => {
      const settle = (/** @type {Error | null} */ error) => (error ? reject(error) : resolve(undefined));
      const key = keyed ? `sender ${numbered.sender}` : null;
      producer.produce(topic, null, Buffer.from(JSON.stringify(numbered)), key, null, settle);
    });
  return { send, close: () => new Promise((resolve) => producer.disconnect(5000, resolve)) };
}

/**
 * librdkafka's sockets are not Node's: its statistics count them.
 *
 * @param {import('./recorder.mjs').Recorder} recorder
 */
function connectionsFrom(recorder) {
  /** @type {Map<string, number>} */
  const before = new Map();
  return (/** @type {{ message: string }} */ { message }) => {
    const { brokers } = JSON.parse(message);
    for (const { name, nodename, connects } of Object.values(brokers)) {
      for (let count = before.get(name) ?? 0; count < connects; count++) {
        recorder.connections.push({ at: Date.now(), to: nodename, established: true });
      }
      before.set(name, connects);
    }
  };
}
