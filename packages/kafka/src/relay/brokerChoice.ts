import type { Timing } from '@rollcall/core';

/** A broker that failed is tried last for this long, ms. */
const REST_MS = 10_000;

/**
 * Chooses the next broker of a list: one that has not failed lately, at random so that connections spread; then the one
 * that failed longest ago.
 */
export class BrokerChoice {
  readonly #timing: Timing;
  readonly #failedAt = new Map<string, number>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Undefined once all were tried. */
  next(brokers: readonly string[], tried: ReadonlySet<string>): string | undefined {
    const left = brokers.filter((address) => !tried.has(address));
    const since = this.#timing.now() - REST_MS;
    const rested = left.filter((address) => this.#failed(address) <= since);
    if (rested.length > 0) return rested[Math.floor(this.#timing.random() * rested.length)];
    return left.sort((a, b) => this.#failed(a) - this.#failed(b))[0];
  }

  failed(address: string): void {
    const now = this.#timing.now();
    // Old failures are dropped: they may belong to a list that is gone.
    for (const [old, at] of this.#failedAt) if (at <= now - REST_MS) this.#failedAt.delete(old);
    this.#failedAt.set(address, now);
  }

  succeeded(address: string): void {
    this.#failedAt.delete(address);
  }

  #failed(address: string): number {
    return this.#failedAt.get(address) ?? Number.NEGATIVE_INFINITY;
  }
}
