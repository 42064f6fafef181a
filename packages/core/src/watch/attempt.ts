import type { Update } from '../adapter/source.js';
import { WatchError } from '../model/errors.js';
import { LinkedAbort } from '../runtime/abort.js';
import { pull } from '../runtime/pull.js';
import type { Timing } from '../runtime/timing.js';

interface Bounds {
  readonly signal: AbortSignal;
  readonly timing: Timing;
  /** A watch that is silent for longer fails. */
  readonly maxSilenceMs: number;
}

/**
 * Takes the updates of one watch attempt until it ends or the signal aborts. An adapter that hangs after an abort, or
 * whose stream falls silent, does not hold the caller.
 * @param watch begins the watch. `watch` and `take` get a function that resets the silence timer.
 * @throws WatchError SILENT, or what the watch threw.
 */
export async function pullUntil<U extends Update>(
  watch: (signal: AbortSignal, feed: () => void) => AsyncIterable<U>,
  { signal, timing, maxSilenceMs }: Bounds,
  take: (update: U, feed: () => void) => Promise<void>,
): Promise<void> {
  if (signal.aborted) return;
  using attempt = new LinkedAbort(signal);
  const watchdog = new Watchdog(timing, maxSilenceMs, () => {
    // The limit and not the measured time, so that 200 watches of one link have one message, which is logged once.
    const why = `No evidence of life for ${maxSilenceMs} ms: the link may be half-open.`;
    attempt.abort(new WatchError('SILENT', why));
  });
  const feed = (): void => watchdog.feed();
  try {
    await pull(watch(attempt.signal, feed), attempt.signal, async (update) => {
      feed();
      await take(update, feed);
      return undefined;
    });
  } catch (error) {
    if (!signal.aborted) throw attempt.signal.aborted ? attempt.signal.reason : error;
  } finally {
    watchdog.stop();
    attempt.abort();
  }
}

class Watchdog {
  readonly #timing: Timing;
  readonly #maxSilenceMs: number;
  readonly #onSilence: () => void;
  #lastAt: number;
  #cancel: () => void = () => {};

  constructor(timing: Timing, maxSilenceMs: number, onSilence: () => void) {
    this.#timing = timing;
    this.#maxSilenceMs = maxSilenceMs;
    this.#onSilence = onSilence;
    this.#lastAt = timing.now();
    if (Number.isFinite(maxSilenceMs)) this.#arm(maxSilenceMs);
  }

  feed(): void {
    this.#lastAt = this.#timing.now();
  }

  stop(): void {
    this.#cancel();
  }

  /** One timer for all updates: when it fires, it reads the time of the last update and waits for the rest. */
  #arm(ms: number): void {
    this.#cancel = this.#timing.schedule(ms, () => {
      if (this.#leftMs > 0) this.#arm(this.#leftMs);
      else this.#lookAgain();
    });
  }

  /**
   * If the event loop was held, updates that arrived meanwhile are still unread: they are read before the watch is
   * taken for silent.
   */
  #lookAgain(): void {
    let cancelled = false;
    this.#cancel = () => {
      cancelled = true;
    };
    const judge = (): void => {
      if (cancelled) return;
      if (this.#leftMs > 0) this.#arm(this.#leftMs);
      else this.#onSilence();
    };
    setImmediate(() => setImmediate(judge));
  }

  get #leftMs(): number {
    return this.#lastAt + this.#maxSilenceMs - this.#timing.now();
  }
}
