import type { WatchError } from '../model/errors.js';
import type { Status } from '../model/types.js';
import type { Timing } from '../runtime/timing.js';
import { backoffMs, HEALTHY_AFTER_MS } from './backoff.js';

/** How a watch is, told at each change, and how long it is to wait after its failures. */
export class Health {
  readonly #timing: Timing;
  readonly #tell: (status: Status) => void;
  #status: Status = { state: 'connecting', attempt: 0 };
  /** Failed attempts in this outage. */
  #failures = 0;
  /** Wall clock, while the next attempt is waited for. */
  #retryAt: number | undefined;
  #liveSince: number | undefined;

  constructor(timing: Timing, tell: (status: Status) => void) {
    this.#timing = timing;
    this.#tell = tell;
  }

  get state(): Status['state'] {
    return this.#status.state;
  }

  /** The next attempt: nothing of the last one shows that this one is live. */
  attempt(): void {
    this.#retryAt = undefined;
    this.#liveSince = undefined;
  }

  live(): void {
    this.#liveSince ??= this.#timing.now();
    if (this.#status.state !== 'live') this.#set({ state: 'live' });
  }

  /**
   * @param held whether there is a state that can be stale.
   * @param provenAt wall clock: when it was last known to be the backend's, unless it is stale already.
   */
  stale(error: WatchError, held: boolean, provenAt = this.#timing.wallNow()): void {
    const attempt = Number.isFinite(this.#failures) ? this.#failures : 1;
    if (!held) {
      this.#set({ state: 'connecting', attempt, error });
      return;
    }
    const since = this.#status.state === 'stale' ? this.#status.since : provenAt;
    const retry = this.#retryAt === undefined ? {} : { retryAt: this.#retryAt };
    this.#liveSince = undefined;
    this.#set({ state: 'stale', code: error.code, error, since, attempt, ...retry });
  }

  /** For good. */
  failed(error: WatchError): void {
    this.#set({ state: 'failed', error });
  }

  /** Counts a failure. @returns how long to wait before the next attempt, ms. */
  backoffMs(error: WatchError): number {
    // Nothing but somebody's hand mends a fatal error: no reason to ask sooner than at the cap.
    this.#failures = error.retryable ? this.#failures + 1 : Number.POSITIVE_INFINITY;
    const waitMs = backoffMs(this.#failures, () => this.#timing.random(), error.retryAfterMs);
    this.#retryAt = this.#timing.wallNow() + waitMs;
    return waitMs;
  }

  /** @returns whether this attempt was live for long enough; then the failures of before count no more. */
  endOutageIfHealthy(): boolean {
    const healthy = this.#liveSince !== undefined && this.#timing.now() - this.#liveSince >= HEALTHY_AFTER_MS;
    if (healthy) this.#failures = 0;
    return healthy;
  }

  #set(status: Status): void {
    this.#status = status;
    this.#tell(status);
  }
}
