import { expect, test } from 'vitest';
import { type ClientName, installClient } from '../support/clients.js';
import type { ConsumerProcess } from '../support/consumers/process.js';
import { within } from '../support/within.js';
import { committed } from './kafka/admin.js';
import { endsOf, wrongIn } from './kafka/consumed.js';
import { K03 } from './kafka/moves.js';
import { perform, type Scenario } from './kafka/scenario.js';
import { type Part, Stage } from './kafka/stage.js';
import { storedIn } from './kafka/truth.js';

// Of `npm run chaos -- kafka`: who reads and who administers, beside who writes.

const CLIENTS: readonly ClientName[] = ['kafkajs', 'platformatic', 'confluent'];
/** Gives them something to consume, in all partitions, before, while and after the brokers move. */
const PRODUCER: Part = { client: 'kafkajs', way: 'native', senders: 1, keyed: false };
/** A session may have to end first, and a machine be busy. */
const COMMIT_MS = 120_000;

test('K03 consumers and admin clients go on, the same instances', { timeout: 900_000 }, async () => {
  await Promise.all(CLIENTS.map(installClient));
  await using stage = await Stage.start();
  let topic = '';
  let consumers: ConsumerProcess[] = [];
  const expectAddresses = async (): Promise<void> => {
    const answers = await Promise.all(consumers.map(async (each) => [each.setting.client, await each.addresses()]));
    const addresses = [...stage.kafka.bootstrap].sort();
    expect(answers).toEqual(CLIENTS.map((client) => [client, addresses]));
  };

  const scenario: Scenario = {
    ...K03,
    async play(_, cast) {
      topic = cast.topic;
      consumers = await Promise.all(CLIENTS.map((client) => stage.consumer(client, topic)));
      await Promise.all(consumers.map((each) => each.reaches([1, 1, 1])));
      await expectAddresses();
      await K03.play(stage, cast);
      await expectAddresses();
    },
  };
  const outcomes = await perform(stage, scenario, [PRODUCER]);
  expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);

  const stored = await storedIn(stage.kafka, topic);
  const ends = endsOf(stored);
  // A consumer that is no member of its group any more may consume, but cannot commit.
  const judged = consumers.map(async (each) => {
    await each.reaches(ends);
    const { client, group } = each.setting;
    const all = committed(stage.kafka, group, topic, ends);
    await within(COMMIT_MS, `what ${client} has to commit`, all, () => each.failures.join('; '));
    return [client, wrongIn(each.consumed, stored)];
  });
  expect(await Promise.all(judged)).toEqual(CLIENTS.map((client) => [client, []]));
});
