import type { Timing } from '../src/index.js';

/** A clock that only moves when told to. */
export class ManualTiming implements Timing {
  #now = 0;
  #wall = 1_700_000_000_000;
  #timers: { at: number; run: () => void }[] = [];
  randomValue = 0.5;
  /** Every wait that was asked for, ms, in order. */
  readonly scheduled: number[] = [];

  now = (): number => this.#now;
  wallNow = (): number => this.#wall;
  random = (): number => this.randomValue;

  schedule = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.scheduled.push(ms);
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  };

  get pending(): number {
    return this.#timers.length;
  }

  /** Moves the clock, running what falls due in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== due);
      this.#wall += due.at - this.#now;
      this.#now = due.at;
      due.run();
      await settle();
    }
    this.#wall += end - this.#now;
    this.#now = end;
  }

  jumpWallClock(ms: number): void {
    this.#wall += ms;
  }
}

/** Lets everything that is ready run: promise reactions and the reflector's turns of the event loop. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}
