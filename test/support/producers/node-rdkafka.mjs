// @ts-check
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openProducer } from './librdkafka.mjs';

/** @param {import('./protocol.js').Opening} opening */
export function open(opening) {
  const require = createRequire(join(opening.config.folder, 'package.json'));
  return openProducer(require('node-rdkafka').Producer, opening);
}
