import { WatchError } from '../model/errors.js';
import type { Batch, Change, ReadResult } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';
import { LogThrottle } from '../runtime/throttle.js';
import { delay, type Timing } from '../runtime/timing.js';
import { backoffMs } from '../watch/backoff.js';

/** The fewest missing keys that are a mass delete. */
const LEAST_KEYS = 3;

/** A mass delete is confirmed by a full read after this time, ms. */
const CONFIRM_AFTER_MS = 2000;

/** Whether so many missing keys of so many are a mass delete: more than half, and at least 3. */
export function isMassDelete(missing: number, known: number): boolean {
  return missing >= LEAST_KEYS && missing * 2 > known;
}

/**
 * The deletes of a batch to hold: those that a resync infers, if they and the keys held before are a mass delete.
 * Deletes that the backend reports are facts, and a swap is the user's wish: neither is held.
 * @param known the keys shown before the batch, held ones included.
 */
export function heldBack(
  cause: Batch['cause'],
  changes: readonly Change[],
  held: ReadonlySet<string>,
  known: number,
): readonly string[] {
  if (cause !== 'resync') return [];
  const missing = changes.flatMap((change) => (change.type === 'delete' && change.synthetic ? [change.key] : []));
  return isMassDelete(missing.length + held.size, known) ? missing : [];
}

interface GuardOptions {
  readonly timing: Timing;
  readonly logger: Logger;
  /** Makes a full read of the backend. */
  read(signal: AbortSignal): Promise<ReadResult>;
  /** Applies the result of a confirming read, and releases the keys that it settles. */
  settle(answer: ReadResult, signal: AbortSignal): Promise<void>;
}

/**
 * Keys that a resync did not find, held until a full read agrees. A key leaves when the watch shows it again, or when a
 * read made at least 2 s after the last key joined does not find it. While reads fail, or find keys that the watch does
 * not show, it reads again, with backoff.
 */
export class DeleteGuard {
  readonly #options: GuardOptions;
  readonly #throttle: LogThrottle;
  #held: ReadonlySet<string> = new Set();
  #attempt: AbortController | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#throttle = new LogThrottle(options.logger, options.timing);
  }

  get held(): ReadonlySet<string> {
    return this.#held;
  }

  /** Holds more keys. A running read began too early for them, so the wait starts again. */
  hold(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.#held = new Set([...this.#held, ...keys]);
    this.#attempt?.abort();
    this.#attempt = new AbortController();
    void this.#confirm(this.#attempt.signal);
  }

  /** Releases keys that the watch shows again, or that are gone for sure. */
  release(keys: Iterable<string>): void {
    const left = new Set(this.#held);
    for (const key of keys) left.delete(key);
    if (left.size === this.#held.size) return;
    this.#held = left;
    if (left.size === 0) this.stop();
  }

  /** Stops reading. Idempotent. */
  stop(): void {
    this.#attempt?.abort();
  }

  async #confirm(signal: AbortSignal): Promise<void> {
    const { timing, settle } = this.#options;
    for (let inconclusive = 0; ; inconclusive++) {
      const extra = inconclusive === 0 ? 0 : backoffMs(inconclusive, () => timing.random());
      await delay(timing, CONFIRM_AFTER_MS + extra, signal);
      if (signal.aborted) return;
      const answer = await this.#read(signal);
      if (signal.aborted) return;
      if (answer !== undefined) await settle(answer, signal);
      if (signal.aborted) return;
    }
  }

  async #read(signal: AbortSignal): Promise<ReadResult | undefined> {
    try {
      return await this.#options.read(signal);
    } catch (error) {
      if (!signal.aborted) {
        const failure = WatchError.from(error);
        const message = `Cannot confirm that ${this.#held.size} keys are gone; they stay until a read succeeds. ${failure.message}`;
        this.#throttle.warn(failure, message);
      }
      return undefined;
    }
  }
}
