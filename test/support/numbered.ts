import { setTimeout as delay } from 'node:timers/promises';

/** The time between two numbered messages, ms. */
const PERIOD_MS = 20;

export interface Tally {
  readonly acknowledged: number;
  readonly stored: number;
  /** Acknowledged numbers that are not stored. */
  readonly lost: readonly number[];
  /** Numbers that are stored more than once. */
  readonly duplicated: readonly number[];
  /** Numbers that are stored after a greater one. */
  readonly reordered: readonly number[];
}

/** Compares what was acknowledged with what a partition holds, from offset 0. */
export function tally(acknowledged: readonly number[], stored: readonly number[]): Tally {
  const seen = new Set<number>();
  const duplicated = new Set<number>();
  const reordered: number[] = [];
  let greatest = -1;
  for (const number of stored) {
    if (seen.has(number)) duplicated.add(number);
    else if (number < greatest) reordered.push(number);
    seen.add(number);
    greatest = Math.max(greatest, number);
  }
  return {
    acknowledged: acknowledged.length,
    stored: stored.length,
    lost: acknowledged.filter((number) => !seen.has(number)),
    duplicated: [...duplicated],
    reordered,
  };
}

/**
 * Sends 0, 1, 2, …, one every 20 ms; each after the acknowledgement of the last. If sending a number fails, its outcome
 * is unknown: `run` rejects, and the next `run` begins with the same number.
 */
export class NumberedSender {
  readonly acknowledged: number[] = [];
  #watching: { readonly count: number; readonly resolve: () => void }[] = [];
  #longestGapMs = 0;

  /** The longest time between two acknowledgements within one run, ms. */
  get longestGapMs(): number {
    return Math.round(this.#longestGapMs);
  }

  /** Resolves when this many more numbers are acknowledged. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#watching.push({ count: this.acknowledged.length + count, resolve });
    });
  }

  /** Sends until the signal aborts, and then waits for the last acknowledgement. */
  async run(send: (number: number) => Promise<unknown>, signal: AbortSignal): Promise<void> {
    let last = performance.now();
    while (!signal.aborted) {
      const due = performance.now() + PERIOD_MS;
      const number = this.acknowledged.length;
      await send(number);
      this.acknowledged.push(number);
      this.#longestGapMs = Math.max(this.#longestGapMs, performance.now() - last);
      last = performance.now();
      this.#tellWatching();
      await delay(Math.max(0, due - performance.now()));
    }
  }

  #tellWatching(): void {
    const reached = this.#watching.filter(({ count }) => this.acknowledged.length >= count);
    this.#watching = this.#watching.filter((each) => !reached.includes(each));
    for (const { resolve } of reached) resolve();
  }
}
