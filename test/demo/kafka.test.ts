import { expect, test } from 'vitest';
import type { Line } from './lines.js';
import { play } from './play.js';

/** Set by `npm run demo:kafka`: what it shows takes its time, and is told on standard output. */
const { ROLLCALL_DEMO } = process.env;
const PACES = {
  terminal: { lookMs: 1000, countsMs: 200 },
  pipe: { lookMs: 0, countsMs: 1000 },
};
const pace = ROLLCALL_DEMO === 'terminal' ? PACES.terminal : PACES.pipe;

test("the demo: all brokers are killed and move, Rollcall's producer follows, a static list is left behind", async () => {
  const lines: Line[] = [];
  const { accounts, afterMove } = await play((line) => {
    lines.push(line);
    if (ROLLCALL_DEMO) process.stdout.write(`${JSON.stringify({ ...line, time: new Date().toISOString() })}\n`);
  }, pace);
  expect(accounts.rollcall).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, failed: 0 });
  expect(accounts.static).toMatchObject({ lost: 0 });
  expect(afterMove).toEqual({ static: 0, rollcall: expect.toSatisfy((count: number) => count > 0) });
  expect(lines.at(-1)).toEqual({
    type: 'verdict',
    text: "Rollcall's went on, nothing lost or duplicated; the static one still waits.",
  });
}, 240_000);
