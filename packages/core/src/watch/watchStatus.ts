import { WatchError } from '../model/errors.js';
import type { Status } from '../model/types.js';
import type { Timing } from '../runtime/timing.js';
import { backoffMs, HEALTHY_AFTER_MS } from './backoff.js';

/** How a watch is, told at each change, and how long it is to wait after its failures. */
export class WatchStatus {
  readonly #timing: Timing;
  readonly #tell: (status: Status) => void;
  #status: Status = { state: 'connecting', attempt: 0 };
  /** Failed attempts in this outage. */
  #failures = 0;
  /** Wall clock, while the next attempt is waited for. */
  #retryAt: number | undefined;
  #liveSince: number | undefined;
  /** `Timing.now()` of the last proof. */
  #provenAt: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(timing: Timing, tell: (status: Status) => void) {
    this.#timing = timing;
    this.#tell = tell;
  }

  get state(): Status['state'] {
    return this.#status.state;
  }

  /** The status as of now: a live one is told once, and gets a new `provenAt` with each proof. */
  get status(): Status {
    const { state } = this.#status;
    return state === 'live' ? { ...this.#status, provenAt: this.#wallProvenAt() } : this.#status;
  }

  /** The next attempt: nothing of the last one shows that this one is live. */
  attempt(): void {
    this.#retryAt = undefined;
    this.#liveSince = undefined;
  }

  /**
   * The state was the backend's at `asOf`, or later.
   * @param maxProofAgeMs the status is live for so long after it; then stale, until the next proof.
   * @returns whether the status is live now.
   */
  proven(asOf: number, maxProofAgeMs: number): boolean {
    const now = this.#timing.now();
    this.#provenAt = Math.max(this.#provenAt ?? asOf, Math.min(asOf, now));
    if (now - this.#provenAt > maxProofAgeMs) return false;
    this.#liveSince ??= now;
    if (this.#status.state !== 'live' || this.#status.maxProofAgeMs !== maxProofAgeMs) {
      const wasLive = this.#status.state === 'live';
      this.#status = { state: 'live', provenAt: this.#wallProvenAt(), maxProofAgeMs };
      if (!wasLive) this.#tell(this.#status);
      this.#watchAge(maxProofAgeMs);
    }
    return true;
  }

  /**
   * @param held whether there is a state that can be stale.
   * @param provenAt wall clock, for a state that was proven before this process began.
   */
  stale(error: WatchError, held: boolean, provenAt?: number): void {
    const attempt = Number.isFinite(this.#failures) ? this.#failures : 1;
    this.#stopTimer();
    if (!held) {
      this.#set({ state: 'connecting', attempt, error });
      return;
    }
    const since = this.#status.state === 'stale' ? this.#status.since : (provenAt ?? this.#wallProvenAt());
    const retry = this.#retryAt === undefined ? {} : { retryAt: this.#retryAt };
    this.#liveSince = undefined;
    this.#set({ state: 'stale', code: error.code, error, since, attempt, ...retry });
  }

  /** For good. */
  failed(error: WatchError): void {
    this.#stopTimer();
    this.#set({ state: 'failed', error });
  }

  /** Nothing more is told. */
  stop(): void {
    this.#stopTimer();
  }

  /** Counts a failure. @returns how long to wait before the next attempt, ms. */
  backoffMs(error: WatchError): number {
    // Nothing but somebody's hand mends a fatal error: no reason to ask sooner than at the cap.
    this.#failures = error.retryable ? this.#failures + 1 : Number.POSITIVE_INFINITY;
    const paced = error.retryable ? error.pacedMs : undefined;
    const waitMs = paced ?? backoffMs(this.#failures, () => this.#timing.random(), error.retryAfterMs);
    this.#retryAt = this.#timing.wallNow() + waitMs;
    // Whoever paces the next attempt waits within it.
    return paced === undefined ? waitMs : 0;
  }

  /** @returns whether this attempt was live for long enough; then the failures of before count no more. */
  endOutageIfHealthy(): boolean {
    const healthy = this.#liveSince !== undefined && this.#timing.now() - this.#liveSince >= HEALTHY_AFTER_MS;
    if (healthy) this.#failures = 0;
    return healthy;
  }

  /** One timer that looks back, not one set anew by every proof. */
  #watchAge(maxProofAgeMs: number): void {
    this.#stopTimer();
    if (!Number.isFinite(maxProofAgeMs)) return;
    const look = (): void => {
      const leftMs = (this.#provenAt ?? 0) + maxProofAgeMs - this.#timing.now();
      if (leftMs > 0) this.#cancelTimer = this.#timing.schedule(leftMs, look);
      else
        this.stale(new WatchError('NOT_CURRENT', `No proof for ${maxProofAgeMs} ms that the state is current.`), true);
    };
    // The proof may be older than this moment: a server answers for a time before its answer arrives.
    look();
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wallProvenAt(): number {
    const ageMs = this.#provenAt === undefined ? 0 : this.#timing.now() - this.#provenAt;
    return Math.round(this.#timing.wallNow() - ageMs);
  }

  #set(status: Status): void {
    this.#status = status;
    this.#tell(status);
  }
}
