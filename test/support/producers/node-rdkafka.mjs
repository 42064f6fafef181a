// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openProducer } from './librdkafka.mjs';

/** @param {import('./protocol.js').Opening} opening */
export function open(opening) {
  const { Producer } = createRequire(join(opening.config.folder, 'package.json'))('node-rdkafka');
  return openProducer(Producer, opening);
}
