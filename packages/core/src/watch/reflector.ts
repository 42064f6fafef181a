import pRetry, { AbortError } from 'p-retry';
import type { Delta, PerTarget, QuietUpdate, Resume, Source, Target, Update } from '../adapter/source.js';
import type { Checkpoint } from '../checkpoint/format.js';
import type { Step } from '../feed/subscriber.js';
import { type ErrorCode, WatchError } from '../model/errors.js';
import type { Revision } from '../model/revision.js';
import type { KeyMap, Status } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';
import { Slices } from '../runtime/slices.js';
import type { LogThrottle } from '../runtime/throttle.js';
import { delay, inTime, type Timing } from '../runtime/timing.js';
import { pullUntil } from './attempt.js';
import { HEALTHY_AFTER_MS } from './backoff.js';
import { Replica } from './replica.js';
import { stateAt } from './stateAt.js';
import { UpdateCheck } from './updateCheck.js';
import { WatchStatus } from './watchStatus.js';

/** What a reflector works with, and where it reports. */
export interface ReflectorHost {
  readonly source: Source;
  /** The first scheme of the source's adapter, for messages. */
  readonly adapter: string;
  readonly target: Target;
  /** The revision to begin with. */
  readonly since: Revision | undefined;
  /** Loads the checkpoint, if one is kept. Never rejects. */
  readonly recall: (() => Promise<Checkpoint | undefined>) | undefined;
  readonly timing: Timing;
  readonly logger: Logger;
  /** Shared by all watches: if 200 of them lose one server, one line is logged. */
  readonly warnings: LogThrottle;
  /** Makes a number for a history that was not seen before. */
  mintEpoch(): number;
  /** The state has moved. `resync`: by the first answer after an interruption. */
  onStep(step: Step, resync: boolean): void;
  onStatus(status: Status): void;
  /** Whether a reader is still working on the last step. */
  readersAreTaking(): boolean;
}

type Bookmark = Extract<Update, { type: 'bookmark' }>;

/** Codes that refuse the cursor: a full read follows at once. */
const READ_ANEW: ReadonlySet<ErrorCode> = new Set(['COMPACTED', 'TOO_LARGE', 'ROLLED_BACK', 'OTHER_HISTORY']);

/** Codes that say that the `since` revision is compacted or in the future. */
const NOT_THERE: ReadonlySet<ErrorCode> = new Set(['COMPACTED', 'ROLLED_BACK']);

/**
 * A reader whose loop awaits nothing calls `next()` again within this many microtasks, also behind some mapping
 * generators. Waiting for microtasks is cheaper than a turn of the event loop, and a replay has thousands of revisions.
 */
const MICROTASKS_TO_TAKE = 8;

/**
 * The backend has this long, ms, before the checkpoint is used, unless an attempt fails first. A failure is reported at
 * most this long after, while the checkpoint is read.
 */
const HEAD_START_MS = 1_000;

/**
 * The only loop. It keeps one target's state equal to the backend's through every failure: it runs attempts of
 * `Source.watch` one after another, resumes if the history allows it and reads everything otherwise, notices silence,
 * and waits between failures. The source only translates; the state is kept here.
 */
export class Reflector {
  readonly #host: ReflectorHost;
  readonly #replica: Replica;
  readonly #health: WatchStatus;
  readonly #check: UpdateCheck;
  #loggedLower = false;
  /** Lets timers and sockets have their turn, however fast changes come. */
  readonly #slices = new Slices();

  constructor(host: ReflectorHost) {
    this.#host = host;
    this.#replica = new Replica(() => host.mintEpoch());
    this.#health = new WatchStatus(host.timing, (status) => host.onStatus(status));
    this.#check = new UpdateCheck(host.adapter);
  }

  /** The present status, with the time of the last proof. */
  get status(): Status {
    return this.#health.status;
  }

  /** Runs until the signal aborts, or until a fatal error before the first state. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    void this.#afterHeadStart(signal);
    while (!signal.aborted && this.#health.state !== 'failed') {
      try {
        // One call for each outage. The wait is our own: p-retry has no jitter at its cap, and no injected clock.
        await pRetry(() => this.#untilUnhealthy(signal), {
          retries: Number.POSITIVE_INFINITY,
          minTimeout: 0,
          onFailedAttempt: ({ error }) => this.#pause(WatchError.from(error), signal),
        });
      } catch (thrown) {
        const error = WatchError.from(thrown);
        if (this.#held === undefined) this.#health.failed(error);
        else await delay(this.#host.timing, HEALTHY_AFTER_MS, signal);
      }
    }
    this.#health.stop();
  }

  /**
   * Runs one attempt. Resolves if it was aborted, or healthy before it failed: that ends the outage.
   * @throws WatchError if it failed early; p-retry's AbortError around it if no retry can help.
   */
  async #untilUnhealthy(signal: AbortSignal): Promise<void> {
    try {
      await this.#attempt(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = WatchError.from(thrown);
      await this.#recallSoon(error);
      // A fatal error is reported only after the checkpoint was read, however slow the disk.
      if (!error.retryable) await this.#recall(error);
      if (this.#isFatal(error)) throw new AbortError(error);
      if (!this.#health.endOutageIfHealthy()) throw error;
      await this.#pause(error, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#health.attempt();
      await this.#beginAtSince(signal);
      const from = this.#host.source.supports.resume ? this.#replica.resumePoint : undefined;
      this.#replica.interrupted();
      try {
        await this.#consume(signal, from);
        if (signal.aborted) return;
        throw new WatchError('ENDED', 'The backend ended the watch.');
      } catch (thrown) {
        const error = WatchError.from(thrown);
        if (signal.aborted || !READ_ANEW.has(error.code)) throw error;
        this.#health.endOutageIfHealthy();
        this.#replica.refused(error.code);
        // Without a cursor there is a wait: a store that ends every watch right after its list would be asked in a
        // loop.
        if (from === undefined) throw error;
        this.#host.logger.info({ code: error.code, revision: from.revision }, `${error.message} Reading anew.`);
        this.#becomeStale(error);
      }
    }
  }

  /** With `since`: reads the state at that revision as the first one. The watch then continues from there. */
  async #beginAtSince(signal: AbortSignal): Promise<void> {
    const { source, target, timing, since } = this.#host;
    if (since === undefined || this.#held !== undefined) return;
    await pullUntil(
      (attemptSignal) => stateAt(source, target, since, attemptSignal),
      // A read has no updates until it is whole.
      { signal, timing, maxSilenceMs: Number.POSITIVE_INFINITY },
      async (past) => {
        const step = await this.#replica.beginWith(past, true);
        if (step !== undefined) this.#host.onStep(step, false);
        this.#becomeStale(notCurrent(`the state at revision ${since}; what came after follows`));
        await this.#readersTake();
      },
    );
  }

  /** Uses the checkpoint if the backend has not answered for a second. */
  async #afterHeadStart(signal: AbortSignal): Promise<void> {
    if (this.#host.recall === undefined) return;
    await delay(this.#host.timing, HEAD_START_MS, signal);
    if (!signal.aborted) await this.#recall();
  }

  /** Uses the checkpoint before a failure is reported: a last good state is better than an error. */
  async #recallSoon(failure: WatchError): Promise<void> {
    if (this.#mayRecall) await inTime(this.#host.timing, HEAD_START_MS, this.#recall(failure));
  }

  /** Uses the checkpoint if the backend has not answered. Never rejects. */
  async #recall(failure?: WatchError): Promise<void> {
    if (!this.#mayRecall) return;
    const checkpoint = await this.#host.recall?.();
    if (checkpoint === undefined || !this.#mayRecall) return;
    const { timing, onStep } = this.#host;
    // Only a full read shows what happened since, and to which store.
    const step = await this.#replica.beginWith(checkpoint, false);
    if (step === undefined) return;
    onStep(step, false);
    const error = failure ?? notCurrent('the state of a checkpoint; the backend has not answered yet');
    this.#becomeStale(error, Math.min(checkpoint.provenAt, timing.wallNow()));
  }

  get #mayRecall(): boolean {
    return this.#host.recall !== undefined && this.#held === undefined && this.#health.state === 'connecting';
  }

  /** Runs one watch until it ends, fails, falls silent or is aborted. */
  async #consume(signal: AbortSignal, from: Resume | undefined): Promise<void> {
    const { source, target, timing } = this.#host;
    const held = this.#held === undefined ? {} : { held: this.#held };
    const resume = from === undefined ? {} : { from };
    const present = (): Resume | undefined => this.#replica.present;
    await pullUntil(
      (attempt, feed) => {
        const tell = (update: QuietUpdate): void => {
          if (attempt.aborted) return;
          feed();
          // It must not throw: it runs inside the adapter's own callbacks.
          const { isFollowing } = this.#replica;
          if (update.type === 'bookmark' && isFollowing)
            this.#move(this.#check.checked(update, isFollowing) as Bookmark);
        };
        return source.watch(target, { signal: attempt, present, tell, ...resume, ...held });
      },
      { signal, timing, maxSilenceMs: boundOf(source.maxSilenceMs, target) },
      (update, feed) => this.#take(this.#check.checked(update, this.#replica.isFollowing), feed, signal),
    );
  }

  /** @param feed resets the silence timer during long work. */
  async #take(update: Update, feed: () => void, signal: AbortSignal): Promise<void> {
    switch (update.type) {
      case 'alive':
        return;
      case 'trouble':
        this.#health.endOutageIfHealthy();
        this.#replica.interrupted();
        this.#host.warnings.warn(update.error, update.error.message);
        await this.#recallSoon(update.error);
        this.#becomeStale(update.error);
        return;
      case 'snapshot': {
        const { step, resync } = await this.#replica.readAnew(update);
        this.#host.onStep(step, resync);
        this.#proven(update.asOf);
        if (step.changed) await this.#readersTake();
        return;
      }
      case 'deltas':
        for (const delta of update.deltas) {
          if (this.#move(delta)) await this.#readersTake();
          if (signal.aborted) return;
          feed();
        }
        return;
      default:
        if (this.#move(update)) await this.#readersTake();
    }
  }

  /** @returns whether readers got a change. */
  #move(update: Delta | Bookmark): boolean {
    const step = this.#replica.move(update);
    if (step === undefined) {
      this.#logLower(update);
      return false;
    }
    this.#host.onStep(step, false);
    if (update.type === 'bookmark' || !update.behind) this.#proven(update.asOf);
    return step.changed;
  }

  /** Once for each watch: a member of a cluster that lags behind the others may send many. */
  #logLower({ type, revision }: Delta | Bookmark): void {
    if (this.#loggedLower) return;
    this.#loggedLower = true;
    const { adapter, logger, target } = this.#host;
    const held = this.#replica.snapshot?.revision;
    const what = `The adapter for ${adapter} yielded a ${type} at revision ${revision}, below the present ${held}`;
    logger.info({ prefix: target.prefix, revision }, `${what}: dropped, and logged once for this watch.`);
  }

  /** Waits for readers that keep up, so that they see every revision by itself. */
  async #readersTake(): Promise<void> {
    const { readersAreTaking } = this.#host;
    let areTaking = readersAreTaking();
    for (let waits = 0; waits < MICROTASKS_TO_TAKE && areTaking; waits++) {
      await undefined;
      areTaking = readersAreTaking();
    }
    if (areTaking || this.#slices.isOverNow) await this.#slices.turn();
  }

  /**
   * Whether the error ends the watch. Never once there is a state. Before that: a fatal code, or a `since` that is
   * compacted or in the future.
   */
  #isFatal({ code, retryable }: WatchError): boolean {
    if (this.#held !== undefined) return false;
    return !retryable || (this.#host.since !== undefined && NOT_THERE.has(code));
  }

  async #pause(error: WatchError, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { timing, warnings } = this.#host;
    const waitMs = this.#health.backoffMs(error);
    const next = error.pacedMs === undefined ? `in ${Math.round(waitMs)} ms` : 'until it answers';
    warnings.warn(error, `${error.message} Trying again ${next}.`);
    this.#becomeStale(error);
    // An attempt that the adapter paces may fail at once: let the event loop turn, so that it cannot starve.
    if (error.pacedMs === undefined) await delay(timing, waitMs, signal);
    else await new Promise((resolve) => setImmediate(resolve));
  }

  #proven(asOf = this.#host.timing.now()): void {
    const { source, logger, target } = this.#host;
    const wasStale = this.#health.state === 'stale';
    const live = this.#health.proven(asOf, boundOf(source.maxProofAgeMs, target));
    if (live && wasStale) logger.info({ prefix: target.prefix }, 'Live.');
  }

  #becomeStale(error: WatchError, provenAt?: number): void {
    this.#health.stale(error, this.#held !== undefined, provenAt);
  }

  get #held(): KeyMap | undefined {
    return this.#replica.snapshot?.entries;
  }
}

/** The bound for one target, ms; none given is no bound. */
function boundOf(bound: PerTarget | undefined, target: Target): number {
  return typeof bound === 'function' ? bound(target) : (bound ?? Number.POSITIVE_INFINITY);
}

function notCurrent(what: string): WatchError {
  return new WatchError('NOT_CURRENT', `This is ${what}.`);
}
