// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openProducer } from './librdkafka.mjs';

/** @param {import('./protocol.js').Opening} opening */
export function open(opening) {
  const { RdKafka } = createRequire(join(opening.config.folder, 'package.json'))('@confluentinc/kafka-javascript');
  return openProducer(RdKafka.Producer, opening);
}
