import { writeFile } from 'node:fs/promises';
import { brokerList, createRelay } from '@rollcall/kafka';
import { createRollcall } from 'rollcall';
import { afterAll, expect, test } from 'vitest';
import { ForeignProducer } from '../support/foreignProducer.js';
import { installProgram, LANGUAGES, type Language, missingToolchain } from '../support/languages.js';
import { tally } from '../support/numbered.js';
import { Stage } from './kafka/stage.js';
import { storedIn } from './kafka/truth.js';

// What `npm run chaos -- kafka --client java|python|go` runs: K03 with a producer in that language, behind a relay.

const { ROLLCALL_CHAOS_LANGUAGES, ROLLCALL_CHAOS_REPEATS, ROLLCALL_CHAOS_REPORT } = process.env;

const asked = (ROLLCALL_CHAOS_LANGUAGES ?? '').split(',').filter((name) => name !== '') as Language[];
const moves = Number(ROLLCALL_CHAOS_REPEATS ?? 2);
/** Longer than any client takes that comes back at all. */
const PATIENCE_MS = 120_000;

interface Result {
  readonly language: Language;
  readonly moves: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** From the last change of a key to the first acknowledgement after it, ms, sorted. */
  readonly firstMs: readonly number[];
}

const results: Result[] = [];

afterAll(async () => {
  if (ROLLCALL_CHAOS_REPORT === undefined || results.length === 0) return;
  for (const result of results) process.stderr.write(`${JSON.stringify(result)}\n`);
  await writeFile(ROLLCALL_CHAOS_REPORT, `${JSON.stringify(results)}\n`);
});

test.runIf(asked.length > 0)('what is asked for exists', () => {
  expect(LANGUAGES).toEqual(expect.arrayContaining(asked));
});

for (const language of LANGUAGES.filter((each) => asked.includes(each))) {
  const missing = await missingToolchain(language);
  const title = `K03 all brokers are killed and move, ${language}${missing === undefined ? '' : ` (skipped: ${missing})`}`;
  test.skipIf(missing !== undefined)(title, { timeout: 900_000 + moves * 180_000 }, async () => {
    const program = await installProgram(language);
    await using stage = await Stage.start();
    await using rollcall = createRollcall({ env: {} });
    await using list = brokerList(rollcall.watch(stage.url), { probe: true });
    await list.ready();
    await using relay = await createRelay(list);
    const topic = await stage.topic(1);
    await using producer = new ForeignProducer(program, relay.address, topic);
    await producer.acknowledgedSince(0, PATIENCE_MS);
    const firstMs: number[] = [];
    for (let move = 0; move < moves; move++) {
      await producer.more(25);
      await stage.moveAll('kill9');
      const changedAt = await stage.keys.name(stage.kafka.bootstrap);
      firstMs.push((await producer.acknowledgedSince(changedAt, PATIENCE_MS)) - changedAt);
      process.stderr.write(`${language} ${move + 1}: ${firstMs.at(-1)} ms\n`);
    }
    await producer.more(25);
    await producer.stop();
    await stage.inSync(topic);
    const stored = await storedIn(stage.kafka, topic);
    const { acknowledged, lost, duplicated, reordered } = tally(
      producer.acknowledged,
      stored.map(({ number }) => number),
    );
    const counts = { lost: lost.length, duplicated: duplicated.length, reordered: reordered.length };
    firstMs.sort((a, b) => a - b);
    results.push({ language, moves, acknowledged, failed: producer.failed, ...counts, firstMs });
    expect(counts).toEqual({ lost: 0, duplicated: 0, reordered: 0 });
    expect(producer.failed).toBe(0);
  });
}
