import { WatchError } from '../model/errors.js';
import type { Status } from '../model/types.js';
import type { Timing } from '../runtime/timing.js';
import { backoffMs, HEALTHY_AFTER_MS } from './backoff.js';

/** The status of a watch, reported at each change, and the waits after its failures. */
export class WatchStatus {
  readonly #timing: Timing;
  readonly #tell: (status: Status) => void;
  #status: Status = { state: 'connecting', attempt: 0 };
  /** Failed attempts in this outage. */
  #failures = 0;
  /** When the next attempt begins; wall clock. Undefined while one is under way. */
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

  /** The present status. A live status is reported once; each proof moves its `provenAt`. */
  get status(): Status {
    const { state } = this.#status;
    return state === 'live' ? { ...this.#status, provenAt: this.#wallProvenAt() } : this.#status;
  }

  /** A new attempt begins: proofs of the last one do not make it live. */
  attempt(): void {
    this.#retryAt = undefined;
    this.#liveSince = undefined;
  }

  /**
   * Takes note of a proof: the state was the backend's at `asOf`.
   * @param maxProofAgeMs the status stays `live` for this long after the proof.
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
   * @param held whether there is a state; without one the status is `connecting`.
   * @param provenAt wall clock; for a state of an earlier process.
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

  /** The watch has failed for good. */
  failed(error: WatchError): void {
    this.#stopTimer();
    this.#set({ state: 'failed', error });
  }

  /** Stops all reports. */
  stop(): void {
    this.#stopTimer();
  }

  /** Counts a failure. @returns the wait before the next attempt, ms. */
  backoffMs(error: WatchError): number {
    // Only a change by somebody ends a fatal error: wait as at the cap.
    this.#failures = error.retryable ? this.#failures + 1 : Number.POSITIVE_INFINITY;
    const paced = error.retryable ? error.pacedMs : undefined;
    const waitMs = paced ?? backoffMs(this.#failures, () => this.#timing.random(), error.retryAfterMs);
    this.#retryAt = this.#timing.wallNow() + waitMs;
    // The adapter waits inside the next attempt.
    return paced === undefined ? waitMs : 0;
  }

  /** Ends the outage if this attempt was live for long enough. @returns whether it was. */
  endOutageIfHealthy(): boolean {
    const healthy = this.#liveSince !== undefined && this.#timing.now() - this.#liveSince >= HEALTHY_AFTER_MS;
    if (healthy) this.#failures = 0;
    return healthy;
  }

  /** One timer for all proofs: when it fires, it reads the time of the last proof and waits for the rest. */
  #watchAge(maxProofAgeMs: number): void {
    this.#stopTimer();
    if (!Number.isFinite(maxProofAgeMs)) return;
    const look = (): void => {
      const leftMs = (this.#provenAt ?? 0) + maxProofAgeMs - this.#timing.now();
      if (leftMs > 0) this.#cancelTimer = this.#timing.schedule(leftMs, look);
      else
        this.stale(new WatchError('NOT_CURRENT', `No proof for ${maxProofAgeMs} ms that the state is current.`), true);
    };
    // The proof may be older than this moment: an answer takes time to arrive.
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
