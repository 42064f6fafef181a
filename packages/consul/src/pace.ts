import { delay, type Timing } from '@rollcall/core';

/** A steady 10 requests a second, as Consul's documentation advises a limit for keys that change all the time. */
const INTERVAL_MS = 100;
/** This many at once after a quiet time, so that a few changes in a row are seen without delay. */
const BURST = 5;
/** Watchers that one write woke do not come back in lockstep (consul-template adds the same). */
const DITHER_MS = 20;

/** A token bucket for the requests of one watch. */
export class Pace {
  readonly #timing: Timing;
  /** When the bucket would be full again. */
  #due: number;

  constructor(timing: Timing) {
    this.#timing = timing;
    this.#due = timing.now() - BURST * INTERVAL_MS;
  }

  /** Resolves when the next request may go out, or at once when the signal aborts: the caller looks at the signal. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = this.#timing.now();
    this.#due = Math.max(this.#due, now - BURST * INTERVAL_MS) + INTERVAL_MS;
    const waitMs = this.#due - now;
    if (waitMs > 0) await delay(this.#timing, waitMs + this.#timing.random() * DITHER_MS, signal);
  }
}
