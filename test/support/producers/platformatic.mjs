// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { followBrokers } from 'rollcall';
import { inTurn } from './inTurn.mjs';

/** @typedef {import('./protocol.js').Numbered} Numbered */

/** @param {import('./protocol.js').Opening} opening */
export async function open({ config, recorder, brokers, servers, signal }) {
  const entry = createRequire(join(config.folder, 'package.json')).resolve('@platformatic/kafka');
  const platformatic = await import(pathToFileURL(entry).href);
  const { topic, keyed } = config;
  const producer = new platformatic.Producer({
    clientId: 'numbers',
    bootstrapBrokers: brokers === undefined ? servers : [],
    idempotent: true,
    connectTimeout: 1000,
    retryDelay: 200,
  });
  if (brokers !== undefined) {
    followBrokers(producer, brokers, platformatic);
    noteAsking(producer, platformatic.kGetBootstrapConnection, recorder);
  }
  const giveUp = () => producer.close();
  signal.addEventListener('abort', giveUp);
  // Not before a broker answers.
  await producer.metadata({ topics: [topic] });
  signal.removeEventListener('abort', giveUp);

  /** @param {Numbered} numbered */
  const send = (numbered) => {
    const key = keyed ? { key: Buffer.from(`sender ${numbered.sender}`) } : {};
    return producer.send({ messages: [{ topic, ...key, value: Buffer.from(JSON.stringify(numbered)) }] });
  };
  // Several at once come in any order after a reconnect; what is out of order it sends anew under another producer id.
  return { send: inTurn(send), close: () => producer.close() };
}

/**
 * It asks for each of its metadata, also when it is connected.
 *
 * @param {any} producer
 * @param {symbol} method
 * @param {import('./recorder.mjs').Recorder} recorder
 */
function noteAsking(producer, method, recorder) {
  const ask = producer[method];
  producer[method] = (/** @type {any[]} */ ...args) => {
    recorder.asked();
    return ask(...args);
  };
}
