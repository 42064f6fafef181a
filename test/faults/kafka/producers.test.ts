import { afterAll, beforeAll, expect, test } from 'vitest';
import { K10 } from '../../reliability/kafka/clusters.js';
import { K23 } from '../../reliability/kafka/controls.js';
import { K06 } from '../../reliability/kafka/lists.js';
import { K01, K21 } from '../../reliability/kafka/moves.js';
import { rowsOf, table } from '../../reliability/kafka/report.js';
import { type Outcome, perform, type Scenario } from '../../reliability/kafka/scenario.js';
import { type Part, Stage } from '../../reliability/kafka/stage.js';
import { runsHere } from '../../support/clients.js';

// `npm run chaos -- kafka` has all scenarios, clients and ways, again and again; these are the first of them.

/** Any client does by a relay; Platformatic's is another one than kafkajs, but not for every Node and platform. */
const relayed = runsHere('platformatic') ? 'platformatic' : 'kafkajs';

const LIVE: readonly Part[] = [
  { client: 'kafkajs', way: 'native', senders: 8, keyed: true },
  { client: relayed, way: 'relay', senders: 1, keyed: false },
];
const STATIC: Part = { client: 'kafkajs', way: 'static', senders: 1, keyed: false };

const outcomes: Outcome[] = [];
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.start();
});

afterAll(async () => {
  console.log(table(rowsOf(outcomes)));
  await stage[Symbol.asyncDispose]();
});

async function goesWell(scenario: Scenario, parts: readonly Part[] = LIVE): Promise<void> {
  const played = await perform(stage, scenario, parts);
  outcomes.push(...played);
  expect(played.length).toBe(parts.length);
  for (const { part, wrong } of played) expect(wrong, `${part.client} ${part.way}`).toEqual([]);
}

/** Only so that a failure ends: each wait inside says what did not come. */
const timeout = 240_000;

test('K06 the registry goes empty: the producers go on and ask nobody', { timeout }, () => goesWell(K06));

test('K21 one of three keys changes: no producer reconnects', { timeout }, () => goesWell(K21));

test('K01 brokers are replaced one by one: nothing is lost, and no producer starts anew', { timeout }, () =>
  goesWell(K01),
);

test('K03 K23 all brokers are killed and move: the producers follow, and a static list does not', { timeout }, () =>
  goesWell(K23, [...LIVE, STATIC]),
);

test('K10 the registry names another cluster: not one message goes there', { timeout }, () => goesWell(K10));
