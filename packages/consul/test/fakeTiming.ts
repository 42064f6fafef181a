import type { Timing } from '@rollcall/core';

/** A clock that jumps to the next timer as soon as one is set. */
export class JumpingTiming implements Timing {
  #now = 1000;
  readonly #random: number;

  constructor(random = 0) {
    this.#random = random;
  }

  readonly now = (): number => this.#now;
  readonly wallNow = (): number => this.#now;
  readonly random = (): number => this.#random;

  readonly schedule = (ms: number, run: () => void): (() => void) => {
    let cancelled = false;
    queueMicrotask(() => {
      if (cancelled) return;
      this.#now += ms;
      run();
    });
    return () => {
      cancelled = true;
    };
  };

  pass(ms: number): void {
    this.#now += ms;
  }
}
