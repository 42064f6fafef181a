import type { Timing } from '@rollcall/core';
import { delay } from '@rollcall/core/internal';

/**
 * The shortest mean time between requests, ms: 10 a second, the limit that Consul's documentation advises for keys that
 * change all the time.
 */
const INTERVAL_MS = 100;
/** Requests without a pause after a quiet time, so that a few changes in a row are seen at once. */
const BURST = 5;
/**
 * A random pause, ms, so that watchers that one write woke do not come back in lockstep (consul-template adds the
 * same).
 */
const DITHER_MS = 20;
/** The part of a core that reading may take: each change of one key brings the whole prefix. */
const SHARE = 0.1;
/**
 * The weight of the newest answer in the smoothed cost: the first answer costs most, and any may meet the garbage
 * collector.
 */
const NEWEST = 0.3;

/** A token bucket for the requests of one watch. It fills more slowly as answers cost more time. */
export class Pace {
  readonly #timing: Timing;
  readonly #longestMs: number;
  /** When the bucket is full again. */
  #due: number;
  #woken = false;
  /** The cost of the answer since the last request, and the smoothed cost, ms. */
  #spentMs = 0;
  #costMs = 0;

  /** @param longestMs the longest time between two requests, whatever answers cost. */
  constructor(timing: Timing, longestMs: number) {
    this.#timing = timing;
    this.#longestMs = longestMs;
    this.#due = timing.now() - BURST * INTERVAL_MS;
  }

  /** Adds time that this thread worked for the answer. */
  spent(ms: number): void {
    this.#spentMs += ms;
  }

  /** The items; the time of iterating them counts as work for the answer. */
  charging<T>(items: Iterable<T>): Iterable<T> {
    const timing = this.#timing;
    const spent = (ms: number): void => this.spent(ms);
    return {
      *[Symbol.iterator]() {
        const began = timing.now();
        try {
          yield* items;
        } finally {
          // Runs right after the code that iterates the items.
          queueMicrotask(() => spent(timing.now() - began));
        }
      },
    };
  }

  /**
   * Resolves when the next request may be sent, or at once when the signal aborts: check the signal afterwards.
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
