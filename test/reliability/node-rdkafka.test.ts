import { expect, test } from 'vitest';
import { installClient } from '../support/clients.js';
import { K03 } from './kafka/moves.js';
import { partsFor } from './kafka/parts.js';
import { perform } from './kafka/scenario.js';
import { Stage } from './kafka/stage.js';

// Of `npm run chaos -- kafka`. It is librdkafka, as Confluent's client is, which goes through all scenarios.

test('K03 node-rdkafka, by relay, goes on when all brokers are killed -9, and moved', {
  timeout: 1_500_000,
}, async () => {
  await installClient('node-rdkafka');
  await using stage = await Stage.start();
  const outcomes = await perform(stage, K03, partsFor(K03, ['node-rdkafka'], 0));
  expect(outcomes.map(({ part, wrong }) => ({ senders: part.senders, wrong }))).toEqual([
    { senders: 1, wrong: [] },
    { senders: 8, wrong: [] },
  ]);
});
