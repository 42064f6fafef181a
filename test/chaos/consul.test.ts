import { writeFile } from 'node:fs/promises';
import { createConsulAdapter } from '@rollcall/consul';
import { expect, test } from 'vitest';
import { Conductor } from './conductor.js';
import { ConsulBackend, WAIT_MS } from './consul/backend.js';
import { WatchSubject } from './consul/watchSubject.js';
import { Fleet } from './fleet.js';
import { Random } from './random.js';
import { ChaosError, type Report, summary } from './report.js';

/** `npm run chaos -- consul` says what; `npm test` runs a minute with a fixed seed. */
const {
  ROLLCALL_CHAOS_SEED: seed = '3',
  ROLLCALL_CHAOS_MINUTES: minutes = '1',
  ROLLCALL_CHAOS_CONTROL: control,
  ROLLCALL_CHAOS_REPORT: reportFile,
} = process.env;

/** A run goes on until it had every kind of fault, and each checkpoint waits for backoffs. */
const TIMEOUT_MS = Number(minutes) * 60_000 * 1.5 + 240_000;

async function run(): Promise<Report> {
  const random = new Random(Number(seed));
  await using backend = await ConsulBackend.start(random.fork());
  const subject = control
    ? new WatchSubject(backend.endpoint, backend.targets, backend.truth, WAIT_MS)
    : new Fleet(backend, createConsulAdapter({ waitMs: WAIT_MS }), random.fork());
  const conditions = { seed: Number(seed), minutes: Number(minutes), random: random.fork(), say };
  return await new Conductor(backend, subject, conditions).run();
}

/** Only who asked for chaos wants to see it; a failure repeats the last of it anyway. */
function say(text: string): void {
  if (reportFile !== undefined) process.stderr.write(`${text}\n`);
}

async function keep(report: Report): Promise<void> {
  say(summary(report));
  if (reportFile !== undefined) await writeFile(reportFile, `${JSON.stringify(report)}\n`);
}

test.skipIf(control)(
  `three Consul servers and an agent, seed ${seed}, ${minutes} min: every watcher says what Consul says`,
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
  TIMEOUT_MS,
);

test.runIf(control)(
  `three Consul servers and an agent, seed ${seed}, ${minutes} min: consul's own Watch is found out`,
  async () => {
    const error = await run().catch((failure: unknown) => failure);
    if (!(error instanceof ChaosError)) throw error;
    say(error.message);
    await keep(error.report);
    expect(error.report.differences).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
