import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { etcdWorks } from './etcdWorks.js';
import { exampleWorks } from './exampleWorks.js';
import { otherWorks, wholeRecovery } from './otherWorks.js';
import type { Row } from './row.js';
import { TINY, WHOLE } from './sizes.js';

/**
 * `npm run bench` says by the environment what is to be measured and where the rows are to go. `npm test` runs each work
 * small, and asserts no time: only that it measures.
 */
const ONLY = process.env.ROLLCALL_BENCH;
const REPORT = process.env.ROLLCALL_BENCH_REPORT;
const works = [...etcdWorks, ...otherWorks, ...exampleWorks];
const chosen =
  ONLY === undefined || ONLY === 'all' ? works : [...works, wholeRecovery].filter(({ name }) => name === ONLY);
const sizes = ONLY === undefined ? TINY : WHOLE;
const rows: Row[] = [];

test.each(chosen)('$name', { timeout: 1_800_000 }, async (work) => {
  const say = (text: string): void => {
    if (REPORT !== undefined) process.stderr.write(`${text}\n`);
  };
  const measured = await work.run(sizes, (what) => say(`${work.name}: ${what}`));
  expect(measured.length).toBeGreaterThan(0);
  for (const row of measured) {
    expect(row.ours, row.metric).toEqual(expect.any(Number));
    expect(Number.isFinite(row.ours), `${row.work}: ${row.metric}`).toBe(true);
    say(`  ${row.work}, ${row.metric}: ${row.ours}${row.peerName === null ? '' : `, ${row.peerName} ${row.peer}`}`);
  }
  rows.push(...measured);
  if (REPORT !== undefined) await writeFile(REPORT, JSON.stringify(rows));
});
