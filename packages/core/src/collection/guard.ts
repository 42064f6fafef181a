import { WatchError } from '../model/errors.js';
import type { Batch, Change, ReadResult } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';
import { LogThrottle } from '../runtime/throttle.js';
import { delay, type Timing } from '../runtime/timing.js';
import { backoffMs } from '../watch/backoff.js';

/** A resync that takes fewer keys than this is never held, whatever their share. */
const LEAST_KEYS = 3;

/** How long a mass delete is held before a fresh read decides, ms. */
const CONFIRM_AFTER_MS = 2000;

/** Whether this many keys missing of that many is a loss to doubt: more than half, and at least 3. */
export function isMassDelete(missing: number, known: number): boolean {
  return missing >= LEAST_KEYS && missing * 2 > known;
}

/**
 * Which of a batch's deletes to hold back: all that a resync infers, when together with those that are held already
 * they are a mass delete. A delete that the backend told is a fact, and a swap is somebody's wish: neither is held.
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
  /** A full read of the backend, apart from the watch. */
  read(signal: AbortSignal): Promise<ReadResult>;
  /** Applies what a fresh read says of the held keys, and releases those that are settled. */
  settle(answer: ReadResult, signal: AbortSignal): Promise<void>;
}

/**
 * The keys that a resync did not find and that stay until a fresh read agrees. A key leaves when the watch shows it
 * again, or when a read made at least 2 s after the last key joined does not find it either. While reads fail, or still
 * find what the watch does not, it goes on asking, with backoff.
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

  /** Holds more keys. Whatever read is under way began too early for them, so the wait starts anew. */
  hold(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.#held = new Set([...this.#held, ...keys]);
    this.#attempt?.abort();
    this.#attempt = new AbortController();
    void this.#confirm(this.#attempt.signal);
  }

  /** These keys are seen again, or gone for sure. */
  release(keys: Iterable<string>): void {
    const left = new Set(this.#held);
    for (const key of keys) left.delete(key);
    if (left.size === this.#held.size) return;
    this.#held = left;
    if (left.size === 0) this.stop();
  }

  /** Asks no more. Idempotent. */
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
