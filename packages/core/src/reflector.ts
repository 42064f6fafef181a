import pRetry, { AbortError } from 'p-retry';
import { applyBookmark, applyDelta, applySnapshot, type Step } from './apply.js';
import { pullUntil } from './attempt.js';
import { backoffMs, HEALTHY_AFTER_MS } from './backoff.js';
import type { HeldSnapshot } from './changes.js';
import { type ErrorCode, WatchError } from './errors.js';
import type { Logger } from './logger.js';
import type { LogThrottle } from './logThrottle.js';
import { compareRevisions } from './revision.js';
import type { Resume, Source, Target, Update } from './source.js';
import { delay, type Timing } from './timing.js';
import type { Entry, KeyMap, Status } from './types.js';

/** What a reflector is told to work with, and whom it tells. */
export interface ReflectorHost {
  readonly source: Source;
  readonly target: Target;
  readonly timing: Timing;
  readonly logger: Logger;
  /** Shared by all watches, so that 200 of them that lose one server say it once. */
  readonly warnings: LogThrottle;
  /** A number for a history not seen before. */
  mintEpoch(): number;
  /** The state moved. `resync`: by the first answer after an interruption. */
  onStep(step: Step, resync: boolean): void;
  onStatus(status: Status): void;
}

/** These say that the cursor cannot be continued from: a full read decides, and nobody needs to wait for it. */
const READ_ANEW: ReadonlySet<ErrorCode> = new Set(['COMPACTED', 'ROLLED_BACK', 'OTHER_HISTORY']);

/**
 * The only loop: keeps one target's state equal to its backend's through every failure. Runs attempts of
 * `Source.watch` one after another, resumes where the history allows it and reads anew where not, notices silence, and
 * waits between failures. The source only translates; all that is held is held here.
 */
export class Reflector {
  readonly #host: ReflectorHost;
  #held: HeldSnapshot | undefined;
  #identity: string | undefined;
  #status: Status = { state: 'connecting', attempt: 0 };
  /** Failed attempts in this outage. */
  #failures = 0;
  #liveSince: number | undefined;
  /** Set by an interruption; the next answer is a resync. */
  #interrupted = true;
  #mustReadAnew = false;
  #otherHistory = false;

  constructor(host: ReflectorHost) {
    this.#host = host;
  }

  /** Runs until the signal aborts, or until a fatal error before the first state. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#status.state !== 'failed') {
      try {
        // One call per outage. p-retry has no jitter at its cap and no injected clock, so the wait is ours.
        await pRetry(() => this.#untilUnhealthy(signal), {
          retries: Number.POSITIVE_INFINITY,
          minTimeout: 0,
          onFailedAttempt: ({ error }) => this.#pause(WatchError.from(error), signal),
        });
      } catch (thrown) {
        const error = WatchError.from(thrown);
        if (this.#held === undefined) this.#setStatus({ state: 'failed', error });
        // Nothing that throws here, be it the user's own logger, ends a watch that has a state.
        else await delay(this.#host.timing, HEALTHY_AFTER_MS, signal);
      }
    }
  }

  /**
   * One attempt. Resolves when aborted, or when it was healthy before it failed: that ends the outage.
   * @throws WatchError when it failed early; p-retry's AbortError around it when nothing can help.
   */
  async #untilUnhealthy(signal: AbortSignal): Promise<void> {
    try {
      await this.#attempt(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = WatchError.from(thrown);
      if (!error.retryable && this.#held === undefined) throw new AbortError(error);
      if (!this.#endOutageIfHealthy()) throw error;
      await this.#pause(error, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    for (;;) {
      const from = this.#resumePoint();
      this.#interrupted = true;
      this.#liveSince = undefined;
      try {
        await this.#consume(signal, from);
        if (signal.aborted) return;
        throw new WatchError('ENDED', 'The backend ended the watch.');
      } catch (thrown) {
        const error = WatchError.from(thrown);
        if (signal.aborted || !READ_ANEW.has(error.code)) throw error;
        this.#endOutageIfHealthy();
        this.#mustReadAnew = true;
        if (error.code !== 'COMPACTED') this.#otherHistory = true;
        // Only a refused cursor is worth no wait: a store that ends every watch right after its list must not be spun on.
        if (from === undefined) throw error;
        this.#host.logger.info({ code: error.code, revision: from.revision }, `${error.message} Reading anew.`);
        this.#becomeStale(error);
      }
    }
  }

  /** Takes one watch's updates until it ends, fails, falls silent or is aborted. */
  async #consume(signal: AbortSignal, from: Resume | undefined): Promise<void> {
    const { source, target, timing } = this.#host;
    const held = this.#held === undefined ? {} : { held: this.#held.entries };
    const resume = from === undefined ? {} : { from };
    await pullUntil(
      (attemptSignal) => source.watch(target, { signal: attemptSignal, ...resume, ...held }),
      { signal, timing, maxSilenceMs: source.maxSilenceMs },
      (update) => this.#take(update),
    );
  }

  /** @returns whether readers were told of a change. */
  #take(update: Update): boolean {
    switch (update.type) {
      case 'alive':
        return false;
      case 'trouble':
        this.#endOutageIfHealthy();
        this.#interrupted = true;
        this.#host.warnings.warn(update.error, update.error.message);
        this.#becomeStale(update.error);
        return false;
      case 'snapshot': {
        const step = applySnapshot(this.#held, update, this.#epochOf(update));
        // Only now: until the entries are read to their end, this cluster has not answered.
        this.#identity = update.identity ?? this.#identity;
        return this.#advance(step);
      }
      case 'delta':
        return !this.#isOld(update) && this.#advance(applyDelta(this.#mustHold(update), update));
      case 'bookmark':
        return !this.#isOld(update) && this.#advance(applyBookmark(this.#mustHold(update), update));
    }
  }

  #advance(step: Step): boolean {
    const resync = this.#interrupted && step.full;
    this.#held = step.snapshot;
    this.#interrupted = false;
    if (step.full) {
      this.#mustReadAnew = false;
      this.#otherHistory = false;
    }
    this.#host.onStep(step, resync);
    this.#becomeLive();
    return step.changed;
  }

  #epochOf(update: Extract<Update, { type: 'snapshot' }>): number {
    const held = this.#held;
    const otherCluster =
      update.identity !== undefined && this.#identity !== undefined && update.identity !== this.#identity;
    const backward = held !== undefined && compareRevisions(update.revision, held.revision) < 0;
    const same = held !== undefined && !this.#otherHistory && !otherCluster && !backward;
    return same ? held.epoch : this.#host.mintEpoch();
  }

  /** What a lagging member says of the past proves nothing current: not even that the watch is live. */
  #isOld({ revision }: { readonly revision: string }): boolean {
    return this.#held !== undefined && compareRevisions(revision, this.#held.revision) < 0;
  }

  #mustHold(update: Update): HeldSnapshot {
    if (this.#held !== undefined) return this.#held;
    throw new WatchError('INTERNAL', `The adapter yielded a ${update.type} before any snapshot.`);
  }

  #resumePoint(): Resume | undefined {
    const held = this.#held;
    if (held === undefined || this.#mustReadAnew || !this.#host.source.supports.resume) return undefined;
    const newest = newestOf(held.entries);
    return { revision: held.revision, proof: { count: held.entries.size, ...(newest && { newest }) } };
  }

  /** @returns whether this attempt was live for long enough; then the failures of before count no more. */
  #endOutageIfHealthy(): boolean {
    const healthy = this.#liveSince !== undefined && this.#host.timing.now() - this.#liveSince >= HEALTHY_AFTER_MS;
    if (healthy) this.#failures = 0;
    return healthy;
  }

  #becomeLive(): void {
    this.#liveSince ??= this.#host.timing.now();
    if (this.#status.state === 'live') return;
    if (this.#status.state === 'stale') this.#host.logger.info({ prefix: this.#host.target.prefix }, 'Live again.');
    this.#setStatus({ state: 'live' });
  }

  async #pause(error: WatchError, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    // Nothing but somebody's hand mends a fatal error: no reason to ask sooner than at the cap.
    this.#failures = error.retryable ? this.#failures + 1 : Number.POSITIVE_INFINITY;
    const { timing } = this.#host;
    const waitMs = backoffMs(this.#failures, () => timing.random(), error.retryAfterMs);
    this.#host.warnings.warn(error, `${error.message} Trying again in ${Math.round(waitMs)} ms.`);
    this.#becomeStale(error, timing.wallNow() + waitMs);
    await delay(timing, waitMs, signal);
  }

  #becomeStale(error: WatchError, retryAt?: number): void {
    const attempt = Number.isFinite(this.#failures) ? this.#failures : 1;
    if (this.#held === undefined) {
      this.#setStatus({ state: 'connecting', attempt, error });
      return;
    }
    const since = this.#status.state === 'stale' ? this.#status.since : this.#host.timing.wallNow();
    const retry = retryAt === undefined ? {} : { retryAt };
    this.#liveSince = undefined;
    this.#setStatus({ state: 'stale', code: error.code, error, since, attempt, ...retry });
  }

  #setStatus(status: Status): void {
    this.#status = status;
    this.#host.onStatus(status);
  }
}

function newestOf(entries: KeyMap): { key: string; entry: Entry } | undefined {
  let newest: { key: string; entry: Entry; revision: string } | undefined;
  for (const [key, entry] of entries) {
    const { revision } = entry;
    if (revision === undefined) continue;
    if (newest === undefined || compareRevisions(revision, newest.revision) > 0) newest = { key, entry, revision };
  }
  return newest && { key: newest.key, entry: newest.entry };
}
