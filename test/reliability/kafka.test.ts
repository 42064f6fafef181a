import { writeFile } from 'node:fs/promises';
import { afterAll, expect, test } from 'vitest';
import { type ClientName, installClient } from '../support/clients.js';
import { K10, K11, K12 } from './kafka/clusters.js';
import { CONCURRENT, K23 } from './kafka/controls.js';
import { K13, K14 } from './kafka/links.js';
import { K06, K07, K08, K09, K15, K16 } from './kafka/lists.js';
import { K01, K02, K03, K04, K05, K21, K22 } from './kafka/moves.js';
import { partsFor } from './kafka/parts.js';
import { rowsOf, sentence, table, verdictsOf } from './kafka/report.js';
import { type Outcome, perform, type Scenario, whyNot } from './kafka/scenario.js';
import { type Part, Stage } from './kafka/stage.js';

// What `npm run chaos -- kafka` runs, and tells by its environment.

const { ROLLCALL_CHAOS_SCENARIOS, ROLLCALL_CHAOS_CLIENTS, ROLLCALL_CHAOS_REPEATS, ROLLCALL_CHAOS_REPORT } = process.env;

const ALL = [K01, K02, K03, K04, K05, K06, K07, K08, K09, K10, K11, K12, K13, K14, K15, K16, K21, K22, K23];
const CLIENTS: readonly ClientName[] = ['kafkajs', 'platformatic', 'confluent'];

/** So many repeats share their producers and their topic; then others come. */
const BLOCK = 5;
/** kafkajs with several sends in flight lost something in 4 of 10 moves: 20 without would be chance once in 27,000. */
const CONTROLS = 20;
/** One repeat, on a busy machine, ms: only so that a failure ends, since each wait inside says what did not come. */
const REPEAT_MS = 300_000;

const chosen = (given: string | undefined): string[] => (given ? given.split(',') : []);
const repeats = Number(ROLLCALL_CHAOS_REPEATS ?? 2);
const names = chosen(ROLLCALL_CHAOS_SCENARIOS);
const clients = CLIENTS.filter((client) => !ROLLCALL_CHAOS_CLIENTS || chosen(ROLLCALL_CHAOS_CLIENTS).includes(client));
const scenarios = ALL.filter(({ name }) => names.length === 0 || names.includes(name));

/** It takes an hour and both cores: only for who asked for it. */
const asked = ROLLCALL_CHAOS_REPORT !== undefined;
const chaos = test.runIf(asked);
const outcomes: Outcome[] = [];
const cannot: { scenario: string; client: string; way: string; why: string }[] = [];

afterAll(async () => {
  if (!asked) return;
  const rows = rowsOf(outcomes);
  const verdicts = verdictsOf(rows);
  say(table(rows));
  for (const verdict of verdicts) say(sentence(verdict));
  for (const { scenario, client, way, why } of cannot) say(`${scenario} ${client} ${way}: ${why}`);
  await writeFile(ROLLCALL_CHAOS_REPORT, `${JSON.stringify({ repeats, verdicts, rows, cannot })}\n`);
});

chaos('what is asked for exists', () => {
  const known = ALL.map(({ name }) => name);
  expect(known).toEqual(expect.arrayContaining(names));
  expect(CLIENTS).toEqual(expect.arrayContaining(chosen(ROLLCALL_CHAOS_CLIENTS)));
});

for (const scenario of scenarios) {
  chaos(`${scenario.name} ${scenario.what}`, { timeout: 600_000 + repeats * REPEAT_MS }, async () => {
    await Promise.all(clients.map(installClient));
    const wrong: string[] = [];
    let stage = await stageFor(scenario);
    for (let done = 0; done < repeats; done += BLOCK) {
      const parts = partsFor(scenario, clients, done / BLOCK);
      note(scenario, parts);
      try {
        const played = await block(stage, scenario, parts, done, Math.min(BLOCK, repeats - done));
        outcomes.push(...played);
        wrong.push(
          ...played.flatMap((each) => each.wrong.map((what) => `from repeat ${done + 1} on: ${named(each)}: ${what}`)),
        );
      } catch (error) {
        // Told, and the others go on: on another stage, since who knows in which state this one is.
        wrong.push((error as Error).message);
        say((error as Error).message);
        await stage[Symbol.asyncDispose]();
        stage = await stageFor(scenario);
      }
    }
    await stage[Symbol.asyncDispose]();
    expect(wrong).toEqual([]);
  });
}

test.runIf(asked && scenarios.includes(K23) && clients.includes('kafkajs'))(
  `K23 ${CONCURRENT.what}`,
  { timeout: CONTROLS * REPEAT_MS },
  async () => {
    await using stage = await Stage.start();
    let lost = 0;
    for (let done = 0; done < CONTROLS && lost === 0; done++) {
      const parts = partsFor(CONCURRENT, ['kafkajs'], done);
      const played = await block(stage, CONCURRENT, parts, done, 1);
      outcomes.push(...played);
      lost += played.reduce((sum, { account }) => sum + account.lost, 0);
    }
    expect(lost).toBeGreaterThan(0);
  },
);

const stageFor = ({ behindDoor }: Scenario): Promise<Stage> => (behindDoor ? Stage.startBehindDoor() : Stage.start());

/** @throws an Error that names the repeat in which something did not come */
async function block(
  stage: Stage,
  scenario: Scenario,
  parts: readonly Part[],
  done: number,
  count: number,
): Promise<Outcome[]> {
  let at = performance.now();
  let turn = 0;
  const onTurn = (): void => {
    turn++;
    say(`${scenario.name} ${done + turn}: ${((performance.now() - at) / 1000).toFixed(1)} s`);
    at = performance.now();
  };
  try {
    return await perform(stage, scenario, parts, { repeats: count, onTurn });
  } catch (error) {
    throw new Error(`${scenario.name}, repeat ${done + turn + 1}: ${(error as Error).message}`, { cause: error });
  }
}

/** Notes who cannot have a scenario, once for each client and way. */
function note(scenario: Scenario, parts: readonly Part[]): void {
  for (const part of parts) {
    const { client, way } = part;
    const why = whyNot(scenario, part);
    const noted = cannot.some((each) => each.scenario === scenario.name && each.client === client && each.way === way);
    if (why !== undefined && !noted) cannot.push({ scenario: scenario.name, client, way, why });
  }
}

const named = ({ part: { client, way, senders, keyed } }: Outcome): string =>
  `${client} ${way} ${senders} ${keyed ? 'keyed' : 'keyless'}`;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
