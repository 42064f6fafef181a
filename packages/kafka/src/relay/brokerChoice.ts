import type { Timing } from '@rollcall/core';

/** How long a broker that failed is tried last, ms. */
const REST_MS = 10_000;

/**
 * Which broker of a list to connect to next: any of those that have not failed lately, so that connections spread, then the
 * one whose failure is longest ago. Pure bookkeeping.
 */
export class BrokerChoice {
  readonly #timing: Timing;
  readonly #failedAt = new Map<string, number>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Undefined when all are tried. */
  next(brokers: readonly string[], tried: ReadonlySet<string>): string | undefined {
    const left = brokers.filter((address) => !tried.has(address));
    const since = this.#timing.now() - REST_MS;
    const rested = left.filter((address) => this.#failed(address) <= since);
    if (rested.length > 0) return rested[Math.floor(this.#timing.random() * rested.length)];
    return left.sort((a, b) => this.#failed(a) - this.#failed(b))[0];
  }

  failed(address: string): void {
    const now = this.#timing.now();
    // What failed long ago may be of a list long gone.
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
