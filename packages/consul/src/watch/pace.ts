import type { Timing } from '@rollcall/core';
import { delay } from '@rollcall/core/internal';

/** A steady 10 requests a second, as Consul's documentation advises a limit for keys that change all the time. */
const INTERVAL_MS = 100;
/** This many at once after a quiet time, so that a few changes in a row are seen without delay. */
const BURST = 5;
/** Watchers that one write woke do not come back in lockstep (consul-template adds the same). */
const DITHER_MS = 20;
/** Reading may take up this part of a core: each change of one key brings the whole prefix. */
const SHARE = 0.1;
/** How much the newest answer counts in what answers cost: the first costs most, and any may meet the garbage collector. */
const NEWEST = 0.3;

/** A token bucket for the requests of one watch, which grows slower as reading the answers costs more. */
export class Pace {
  readonly #timing: Timing;
  readonly #longestMs: number;
  /** When the bucket would be full again. */
  #due: number;
  #woken = false;
  /** What the answer since the last turn cost, and what answers cost, smoothed. */
  #spentMs = 0;
  #costMs = 0;

  /** @param longestMs whatever reading costs, requests are not further apart. */
  constructor(timing: Timing, longestMs: number) {
    this.#timing = timing;
    this.#longestMs = longestMs;
    this.#due = timing.now() - BURST * INTERVAL_MS;
  }

  /** Takes note of work that the answer made this thread do. */
  spent(ms: number): void {
    this.#spentMs += ms;
  }

  /** The items, to be gone through at once: what is done with them is work that the answer made, too. */
  charging<T>(items: Iterable<T>): Iterable<T> {
    const timing = this.#timing;
    const spent = (ms: number): void => this.spent(ms);
    return {
      *[Symbol.iterator]() {
        const began = timing.now();
        try {
          yield* items;
        } finally {
          // The first thing after what goes through them is done.
          queueMicrotask(() => spent(timing.now() - began));
        }
      },
    };
  }

  /**
   * Resolves when the next request may go out, or at once when the signal aborts: the caller looks at the signal.
   * @returns the pause, ms.
   */
  async turn(signal: AbortSignal): Promise<number> {
    const now = this.#timing.now();
    const intervalMs = this.#intervalMs();
    const creditMs = Math.max(BURST * INTERVAL_MS, intervalMs);
    this.#due = Math.max(this.#due, now - creditMs) + intervalMs;
    const ditherMs = this.#woken ? this.#timing.random() * DITHER_MS : 0;
    const pauseMs = Math.max(0, this.#due - now) + ditherMs;
    this.#woken = true;
    if (pauseMs > 0) await delay(this.#timing, pauseMs, signal);
    return pauseMs;
  }

  #intervalMs(): number {
    this.#costMs += NEWEST * (this.#spentMs - this.#costMs);
    this.#spentMs = 0;
    return Math.max(INTERVAL_MS, Math.min(this.#costMs / SHARE, this.#longestMs));
  }
}
