import { Limiter } from '@rollcall/core/internal';

/** The longest wait of a query while others wait for its lane, ms. */
export const SHARED_WAIT_MS = 2_000;
/** The shortest wait, ms: shorter ones would cost more requests than they gain. */
export const LEAST_WAIT_MS = 100;
/** Time of a turn besides its wait, ms: Consul's sixteenth, and the round trip. */
const TURN_COST_MS = 50;

/**
 * The connections for blocking queries. If there are more watches than lanes, they take turns: each blocks for a short
 * time, and sees at its next turn what it missed.
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

  /**
   * The wait of a query now, at most the given one: short enough that all watches have a turn within half of that, if
   * possible.
   */
  waitMs(ms: number): number {
    if (this.#watches <= this.size) return ms;
    const fair = (ms * this.size) / (2 * this.#watches);
    return Math.max(LEAST_WAIT_MS, Math.min(ms, SHARED_WAIT_MS, fair));
  }

  /** The time until each watch has had a turn, ms, at the given wait. */
  cycleMs(ms: number): number {
    if (this.#watches <= this.size) return 0;
    return Math.ceil(this.#watches / this.size) * (this.waitMs(ms) * (17 / 16) + TURN_COST_MS);
  }

  /** Waits for a free lane. @returns leaves it. @throws the signal's reason if it aborts first. */
  enter(signal: AbortSignal): Promise<() => void> {
    return this.#limiter.enter(signal);
  }
}
