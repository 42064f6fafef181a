import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { InstalledProgram } from './languages.js';

/** The outcome of one message. */
type Outcome = { readonly number: number; readonly at: number } | { readonly number: number; readonly failed: string };

/** How long it may take to end by itself before it is killed, ms. */
const STOP_MS = 10_000;

/** A producer in another language, as a process that prints the outcome of each message. */
export class ForeignProducer implements AsyncDisposable {
  readonly outcomes: Outcome[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #wakes = new Set<() => void>();
  #errors = '';

  constructor({ command, args }: InstalledProgram, bootstrap: string, topic: string) {
    this.#child = spawn(command, [...args, bootstrap, topic], { stdio: 'pipe' });
    this.#ended = once(this.#child, 'close').then(() => this.#wake());
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = `${this.#errors}${text}`.slice(-4_000);
    });
    if (this.#child.stdout === null) throw new Error('it has no output');
    createInterface(this.#child.stdout).on('line', (line) => {
      this.outcomes.push(JSON.parse(line) as Outcome);
      this.#wake();
    });
  }

  /** The acknowledged numbers, in the order of their acknowledgement. */
  get acknowledged(): number[] {
    return this.outcomes.flatMap((outcome) => ('at' in outcome ? [outcome.number] : []));
  }

  get failed(): number {
    return this.outcomes.length - this.acknowledged.length;
  }

  /**
   * Resolves with the time of the first acknowledgement at or after a time, wall clock, ms.
   * @throws Error when none came within `ms`, or the process ended
   */
  async acknowledgedSince(time: number, ms: number): Promise<number> {
    const until = Date.now() + ms;
    for (;;) {
      const first = this.outcomes.find((outcome) => 'at' in outcome && outcome.at >= time);
      if (first !== undefined && 'at' in first) return first.at;
      if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}: ${this.#errors}`);
      const left = until - Date.now();
      if (left <= 0) throw new Error(`nothing was acknowledged within ${ms} ms; ${this.#errors}`);
      await this.#woken(left);
    }
  }

  /** Resolves when this many more are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    while (this.acknowledged.length < wanted) await this.#woken(1_000);
  }

  /** Stops; waits for the outcome of the message that is under way. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wakes.add(done);
    });
  }
}
