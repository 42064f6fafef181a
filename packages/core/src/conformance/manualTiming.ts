import type { Timing } from '../runtime/timing.js';

/** The wall clock's start: any value that no monotonic clock shows. */
const WALL_START = 1_700_000_000_000;

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that moves only by `advance`, with reproducible random numbers. */
export class ManualTiming implements Timing {
  readonly #timers = new Set<Timer>();
  #now = 0;
  #seed: number;

  /** @param seed decides the random numbers. */
  constructor(seed = 1) {
    this.#seed = seed;
  }

  readonly now = (): number => this.#now;
  readonly wallNow = (): number => WALL_START + this.#now;

  /** Mulberry32, by Tommy Ettinger. */
  readonly random = (): number => {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  readonly schedule = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Moves the clock by `ms` and runs the timers that are due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#first(end); timer !== undefined; timer = this.#first(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
    }
    this.#now = end;
  }

  #first(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}
