/** How long a query may block while others wait for its lane, ms. */
export const SHARED_WAIT_MS = 2_000;

/**
 * The connections that blocking queries may hold at once. With more watches than lanes they take turns: each blocks for
 * a short time only, and sees at its next turn what it missed.
 */
export class Lanes {
  readonly size: number;
  readonly #onCrowded: () => void;
  readonly #queue = new Set<() => void>();
  #busy = 0;
  #watches = 0;

  /** @param onCrowded called when there are more watches than lanes for the first time. */
  constructor(size: number, onCrowded: () => void) {
    this.size = size;
    let told = false;
    this.#onCrowded = () => {
      if (!told) onCrowded();
      told = true;
    };
  }

  /** Counts a watch until its signal aborts. */
  join(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#watches++;
    signal.addEventListener('abort', () => this.#watches--, { once: true });
    if (this.#watches > this.size) this.#onCrowded();
  }

  /** How long a query may block now, of the wait that was meant. */
  waitMs(ms: number): number {
    return this.#watches > this.size ? Math.min(ms, SHARED_WAIT_MS) : ms;
  }

  /** Runs in a lane, as soon as one is free; first come, first served. @throws the signal's reason when it aborts before. */
  async run<T>(signal: AbortSignal, query: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await query();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#busy < this.size) {
      this.#busy++;
      return;
    }
    // The lane is handed over: `#busy` stays.
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#queue.delete(enter);
        reject(signal.reason);
      };
      this.#queue.add(enter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#busy--;
      return;
    }
    this.#queue.delete(next);
    next();
  }
}
