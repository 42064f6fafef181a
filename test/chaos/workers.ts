import { setTimeout as delay } from 'node:timers/promises';
import { Bell } from './bell.js';

/** Several that do one piece of work after another, with a pause between, until they are told to wait or to stop. */
export class Workers {
  readonly #atOnce: number;
  readonly #turn: () => Promise<void>;
  readonly #restMs: () => number;
  readonly #bell = new Bell();
  #running: Promise<void>[] = [];
  #paused = false;
  #stopped = false;
  #busy = 0;

  /**
   * @param turn one piece of work; it must not fail.
   * @param restMs how long to rest after it.
   */
  constructor(atOnce: number, turn: () => Promise<void>, restMs: () => number) {
    this.#atOnce = atOnce;
    this.#turn = turn;
    this.#restMs = restMs;
  }

  start(): void {
    this.#running = Array.from({ length: this.#atOnce }, () => this.#run());
  }

  /** Resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.#paused = true;
    await this.#bell.until(() => this.#busy === 0);
  }

  resume(): void {
    this.#paused = false;
    this.#bell.ring();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#bell.ring();
    await Promise.all(this.#running);
  }

  /** Does work that counts as under way. */
  async during(work: () => Promise<void>): Promise<void> {
    this.#busy++;
    try {
      await work();
    } finally {
      this.#busy--;
      this.#bell.ring();
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#bell.until(() => this.#stopped || !this.#paused);
      if (this.#stopped) return;
      await this.during(this.#turn);
      await delay(this.#restMs());
    }
  }
}
