import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { ChaosBackend, Subject } from './backend.js';
import { Conductor } from './conductor.js';
import { Random } from './random.js';
import { ChaosError, type Report, summary } from './report.js';

const { ROLLCALL_CHAOS_SEED, ROLLCALL_CHAOS_MINUTES, ROLLCALL_CHAOS_CONTROL, ROLLCALL_CHAOS_REPORT } = process.env;

export interface Chaos<Backend extends ChaosBackend> {
  /** Of what, and of what the control is found out. */
  readonly title: string;
  readonly rival: string;
  /** That of `npm test`. */
  readonly seed: number;
  /** How long in `npm test`. Default: 1. */
  readonly minutes?: number;
  start(random: Random): Promise<Backend>;
  watchers(backend: Backend, random: Random): Subject;
  control(backend: Backend): Subject;
}

/** The run that `npm run chaos` asks for by its environment; a short one with a fixed seed in `npm test`. */
export function chaosTest<Backend extends ChaosBackend>(chaos: Chaos<Backend>): void {
  const seed = Number(ROLLCALL_CHAOS_SEED ?? chaos.seed);
  const minutes = Number(ROLLCALL_CHAOS_MINUTES ?? chaos.minutes ?? 1);
  // A run goes on until it had every kind of fault, and each checkpoint waits for backoffs.
  const timeoutMs = minutes * 60_000 * 1.5 + 240_000;
  const title = `${chaos.title}, seed ${seed}, ${minutes} min`;

  const run = async (): Promise<Report> => {
    const random = new Random(seed);
    await using backend = await chaos.start(random.fork());
    const subject = ROLLCALL_CHAOS_CONTROL ? chaos.control(backend) : chaos.watchers(backend, random.fork());
    return await new Conductor(backend, subject, { seed, minutes, random: random.fork(), say }).run();
  };

  test.skipIf(ROLLCALL_CHAOS_CONTROL)(
    `${title}: every watcher says what the servers say`,
    async () => {
      try {
        const report = await run();
        await keep(report);
        expect(report.checkpoints).toBeGreaterThan(0);
      } catch (error) {
        if (error instanceof ChaosError) await keep(error.report);
        throw error;
      }
    },
    timeoutMs,
  );

  test.runIf(ROLLCALL_CHAOS_CONTROL)(
    `${title}: ${chaos.rival} is found out`,
    async () => {
      const error = await run().catch((failure: unknown) => failure);
      if (!(error instanceof ChaosError)) throw error;
      say(error.message);
      await keep(error.report);
      expect(error.report.differences).toBeGreaterThan(0);
    },
    timeoutMs,
  );
}

/** Only who asked for chaos wants to see it; a failure repeats the last of it anyway. */
function say(text: string): void {
  if (ROLLCALL_CHAOS_REPORT !== undefined) process.stderr.write(`${text}\n`);
}

async function keep(report: Report): Promise<void> {
  say(summary(report));
  if (ROLLCALL_CHAOS_REPORT !== undefined) await writeFile(ROLLCALL_CHAOS_REPORT, `${JSON.stringify(report)}\n`);
}
