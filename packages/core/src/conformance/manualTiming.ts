import type { Timing } from '../runtime/timing.js';

/** Any time will do, as long as it is none that a monotonic clock shows. */
const WALL_START = 1_700_000_000_000;

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands until it is moved, and random numbers that are the same each time. */
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

  /** Tommy Ettinger's Mulberry32. */
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

  /** Moves on by `ms`, running what falls due on the way, in order. */
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
