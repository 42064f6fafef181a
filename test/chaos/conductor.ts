import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosBackend, Fault, Subject } from './backend.js';
import type { Difference } from './difference.js';
import { heapMiB } from './heap.js';
import type { Random } from './random.js';
import { ChaosError, type Report } from './report.js';
import { type PlannedFault, Schedule } from './schedule.js';

export interface Conditions {
  readonly seed: number;
  readonly minutes: number;
  /** Of the seed: for the faults alone. */
  readonly random: Random;
  /** Takes a line for the log. */
  say(text: string): void;
}

/** How much the heap may grow from the first checkpoint to any later one, MiB. */
const HEAP_GROWTH_MIB = 64;

/** Lines of the log that a failure repeats. */
const LOG_LINES = 25;

/** Breaks a cluster again and again while it is written to and watched, and compares what the watchers say with it. */
export class Conductor {
  readonly #backend: ChaosBackend;
  readonly #subject: Subject;
  readonly #conditions: Conditions;
  readonly #faults: Record<string, number> = {};
  readonly #heap: number[] = [];
  readonly #log: string[] = [];
  readonly #began = performance.now();
  #checkpoints = 0;

  constructor(backend: ChaosBackend, subject: Subject, conditions: Conditions) {
    this.#backend = backend;
    this.#subject = subject;
    this.#conditions = conditions;
  }

  /** Runs for the time given, and until there was one fault of each kind. @throws ChaosError at the first differences */
  async run(): Promise<Report> {
    const schedule = new Schedule(this.#backend.faults, this.#conditions.random);
    this.#backend.writer.start();
    await this.#subject.begin();
    while (!schedule.complete || this.#elapsedMs < this.#conditions.minutes * 60_000) {
      const { servers, links, alone } = schedule.next();
      await Promise.all([this.#break(servers), this.#break(links)]);
      await this.#break(alone);
      await this.#checkpoint();
    }
    await this.#backend.writer.pause();
    this.#assertNone(await this.#subject.end());
    this.#assertHeap();
    return this.#report(0);
  }

  get #elapsedMs(): number {
    return performance.now() - this.#began;
  }

  async #break(planned: readonly PlannedFault[]): Promise<void> {
    for (const { name, afterMs, forMs, random } of planned) {
      await delay(afterMs);
      this.#faults[name] = (this.#faults[name] ?? 0) + 1;
      this.#say(`${name}, ${forMs} ms`);
      await this.#faultNamed(name).run({
        forMs,
        random,
        watchers: this.#subject,
        say: (text) => this.#say(`${name}: ${text}`),
      });
      this.#say(`${name}: healed`);
    }
  }

  #faultNamed(name: string): Fault {
    const fault = this.#backend.faults.find((each) => each.name === name);
    if (fault === undefined) throw new Error(`no fault is called ${name}`);
    return fault;
  }

  async #checkpoint(): Promise<void> {
    this.#say('checkpoint');
    await this.#backend.writer.pause();
    this.#assertNone(await this.#subject.check());
    this.#backend.truth.forget();
    this.#checkpoints++;
    this.#assertHeap();
    this.#say(`checkpoint ${this.#checkpoints} passed, heap ${this.#heap.at(-1)} MiB`);
    this.#backend.writer.resume();
  }

  #assertHeap(): void {
    this.#heap.push(heapMiB());
    const [first = 0] = this.#heap;
    const last = this.#heap.at(-1) ?? 0;
    if (last <= first + HEAP_GROWTH_MIB) return;
    this.#assertNone([
      { watcher: 'all', what: `the heap grew from ${first} to ${last} MiB: ${this.#heap.join(', ')}` },
    ]);
  }

  #assertNone(found: readonly Difference[]): void {
    if (found.length > 0) throw new ChaosError(found, this.#report(found.length), this.#log);
  }

  #report(differences: number): Report {
    const { seed, minutes } = this.#conditions;
    return {
      backend: this.#backend.name,
      seed,
      minutes,
      seconds: Math.round(this.#elapsedMs / 1000),
      operations: this.#backend.writer.counts,
      faults: this.#faults,
      eras: this.#backend.truth.era,
      checkpoints: this.#checkpoints,
      differences,
      heapMiB: [this.#heap.at(0) ?? 0, Math.max(0, ...this.#heap), this.#heap.at(-1) ?? 0],
      subject: this.#subject.counts,
    };
  }

  #say(text: string): void {
    const line = `${(this.#elapsedMs / 1000).toFixed(1).padStart(7)} s  ${text}`;
    this.#log.push(line);
    if (this.#log.length > LOG_LINES) this.#log.shift();
    this.#conditions.say(line);
  }
}
