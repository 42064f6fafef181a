import { Limiter } from '@rollcall/core/internal';

/** The longest that a query may block while others wait for its lane, ms. */
export const SHARED_WAIT_MS = 2_000;
/** Shorter waits would cost more requests than they gain, ms. */
export const LEAST_WAIT_MS = 100;
/** What a turn takes beside its wait, ms: Consul's sixteenth, the way there and back. */
const TURN_COST_MS = 50;

/**
 * The connections that blocking queries may hold at once. With more watches than lanes they take turns: each blocks for
 * a short time only, and sees at its next turn what it missed.
 */
export class Lanes {
  readonly size: number;
  readonly #limiter: Limiter;
  readonly #onCrowded: () => void;
  #watches = 0;

  /** @param onCrowded called when there are more watches than lanes for the first time. */
  constructor(size: number, onCrowded: () => void) {
    this.size = size;
    this.#limiter = new Limiter(size);
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

  /** How long a query may block now, of the wait that was meant: all get their turn within half of that, if it can be. */
  waitMs(ms: number): number {
    if (this.#watches <= this.size) return ms;
    const fair = (ms * this.size) / (2 * this.#watches);
    return Math.max(LEAST_WAIT_MS, Math.min(ms, SHARED_WAIT_MS, fair));
  }

  /** How long it may take, ms, until each watch had its turn, at the wait that is meant. */
  cycleMs(ms: number): number {
    if (this.#watches <= this.size) return 0;
    return Math.ceil(this.#watches / this.size) * (this.waitMs(ms) * (17 / 16) + TURN_COST_MS);
  }

  /** Resolves when a lane is free. @returns leaves it. @throws the signal's reason when it aborts before. */
  enter(signal: AbortSignal): Promise<() => void> {
    return this.#limiter.enter(signal);
  }
}
