import pRetry from 'p-retry';
import { WatchError } from '../model/errors.js';
import { delay, type Timing } from '../runtime/timing.js';
import type { DialBoard, Dialler } from './dialBoard.js';

/** The first dial of an outage comes at a random time within this, ms: 200 processes may have lost the same server. */
const FIRST_WITHIN_MS = 250;
/** The time from the beginning of a dial to the next one is 1 to 2 times this, ms: 0.5 to 1 s. */
const NEXT_AFTER_MS = 500;

export interface OutageOptions {
  readonly timing: Timing;
  /** Joins the outages of one endpoint. */
  readonly board: DialBoard;
  /** The endpoint's name on the board. */
  readonly endpoint: string;
  /** Asks the endpoint whether it can answer. @throws WatchError if it cannot. */
  dial(signal: AbortSignal): Promise<void>;
  /** Called after each failed dial, also of the outage that leads on the board. */
  onFailure(error: WatchError): void;
  /** Called once, after the dial that succeeded. */
  onSuccess(): void;
}

/**
 * The time in which one endpoint does not answer. While any caller waits for the endpoint, a dial begins 0.5 to 1 s
 * after the one before began, or when that one ends if it takes longer; however many callers wait and however long the
 * outage lasts. Of several outages of one endpoint on a board, one dials while nobody answers; afterwards each dials
 * for itself.
 */
export class Outage implements Dialler {
  readonly #options: OutageOptions;
  #dials: number;
  #lastDialAt = Number.NEGATIVE_INFINITY;
  #nextDialAt = 0;
  #running: AbortController | undefined;

  /**
   * @param relapse true if the endpoint answered only for a moment: the pace continues, otherwise the endpoint would be
   *   dialled without a pause.
   */
  constructor(options: OutageOptions, relapse: boolean) {
    this.#options = options;
    this.#dials = relapse ? 1 : 0;
    if (relapse) this.#lastDialAt = options.timing.now();
    this.#plan();
  }

  /** Time until the next dial, ms. */
  get dueInMs(): number {
    return Math.max(0, this.#nextDialAt - this.#options.timing.now());
  }

  /**
   * Waits for the endpoint until a dial succeeds or `pause()` is called. Dials itself if it leads on the board. Does
   * nothing if it is running already.
   */
  run(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    const { board, endpoint } = this.#options;
    if (board.join(endpoint, this)) this.lead();
  }

  lead(): void {
    const running = this.#running;
    if (running === undefined) return;
    // p-retry repeats the dial. The wait is our own: p-retry has no injected clock, and no jitter at its cap.
    void pRetry(() => this.#dial(running.signal), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      signal: running.signal,
    }).then(
      () => {
        if (running.signal.aborted) return;
        const { board, endpoint, onSuccess } = this.#options;
        board.answered(endpoint, this);
        onSuccess();
      },
      () => {},
    );
  }

  told(error: WatchError): void {
    this.#dials++;
    this.#lastDialAt = this.#options.timing.now();
    this.#plan();
    this.#options.onFailure(error);
  }

  goOn(): void {
    this.#nextDialAt = this.#options.timing.now();
    this.lead();
  }

  /** Called when no caller waits any more. */
  pause(): void {
    if (this.#running === undefined) return;
    this.#running.abort();
    this.#running = undefined;
    const { board, endpoint } = this.#options;
    board.leave(endpoint, this);
  }

  async #dial(signal: AbortSignal): Promise<void> {
    const { timing, dial, onFailure } = this.#options;
    if (this.dueInMs > 0) await delay(timing, this.dueInMs, signal);
    signal.throwIfAborted();
    this.#dials++;
    this.#lastDialAt = timing.now();
    try {
      await dial(signal);
    } catch (thrown) {
      // p-retry gives up on a TypeError, so everything is wrapped.
      const error = WatchError.from(thrown);
      this.#plan();
      if (!signal.aborted) {
        const { board, endpoint } = this.#options;
        board.failed(endpoint, this, error);
        onFailure(error);
      }
      throw error;
    }
  }

  #plan(): void {
    const { timing } = this.#options;
    this.#nextDialAt =
      this.#dials === 0
        ? timing.now() + timing.random() * FIRST_WITHIN_MS
        : this.#lastDialAt + NEXT_AFTER_MS * (1 + timing.random());
  }
}
