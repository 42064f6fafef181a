import { type Difference, describe } from './difference.js';

/** What a run came to. */
export interface Report {
  readonly backend: string;
  readonly seed: number;
  readonly minutes: number;
  /** How long it took. */
  readonly seconds: number;
  /** Writes by kind. */
  readonly operations: Readonly<Record<string, number>>;
  /** Faults by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Histories that the store had. */
  readonly eras: number;
  readonly checkpoints: number;
  readonly differences: number;
  /** What was reachable at the first checkpoint, at most and at the end, MiB. */
  readonly heapMiB: readonly number[];
  /** What the watchers say of themselves. */
  readonly subject: Readonly<Record<string, unknown>>;
}

/** Differences were found. */
export class ChaosError extends Error {
  override name = 'ChaosError';
  readonly report: Report;

  /** @param log the last that happened */
  constructor(found: readonly Difference[], report: Report, log: readonly string[]) {
    const { backend, seed, minutes } = report;
    const again = `npm run chaos -- ${backend} --seed ${seed} --minutes ${minutes}`;
    super(`${found.length} differences; again: ${again}\n${describe(found)}\nWhat happened last:\n${log.join('\n')}`);
    this.report = report;
  }
}

/** For people. */
export function summary(report: Report): string {
  const { backend, seed, seconds, operations, faults, eras, checkpoints, differences, heapMiB, subject } = report;
  return [
    `${backend}, seed ${seed}, ${seconds} s: ${differences} differences at ${checkpoints} checkpoints`,
    `  operations  ${total(operations)}: ${list(operations)}`,
    `  faults      ${total(faults)}: ${list(faults)}`,
    `  histories   ${eras}`,
    `  watchers    ${list(subject)}`,
    `  heap        ${heapMiB.join(', ')} MiB (first, most, last)`,
  ].join('\n');
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function list(counts: Readonly<Record<string, unknown>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${typeof count === 'object' ? JSON.stringify(count) : count}`)
    .join(', ');
}
