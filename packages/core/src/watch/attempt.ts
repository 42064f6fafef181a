import type { Update } from '../adapter/source.js';
import { WatchError } from '../model/errors.js';
import type { Timing } from '../runtime/timing.js';

interface Bounds {
  readonly signal: AbortSignal;
  readonly timing: Timing;
  /** A watch silent for longer has failed. */
  readonly maxSilenceMs: number;
}

/**
 * Pulls updates until the watch ends or the signal aborts. Trusts nothing: an adapter that hangs after an abort, or
 * whose stream falls silent, does not hold the caller.
 * @param watch begins the watch. It and `take` are given a function to call when there was evidence of life.
 * @throws WatchError SILENT, or what the watch threw.
 */
export async function pullUntil<U extends Update>(
  watch: (signal: AbortSignal, feed: () => void) => AsyncIterable<U>,
  { signal, timing, maxSilenceMs }: Bounds,
  take: (update: U, feed: () => void) => Promise<void>,
): Promise<void> {
  const attempt = new AbortController();
  const stopped = new Gate();
  let failure: WatchError | undefined;
  const stop = (error?: WatchError): void => {
    failure = error;
    attempt.abort();
    stopped.open();
  };
  const onAbort = (): void => stop();
  if (signal.aborted) return;
  signal.addEventListener('abort', onAbort, { once: true });
  const watchdog = new Watchdog(timing, maxSilenceMs, () => {
    // The limit and not the measured time, so that 200 watches of one link say the same and are logged once.
    stop(new WatchError('SILENT', `No evidence of life for ${maxSilenceMs} ms: the link may be half-open.`));
  });
  const feed = (): void => watchdog.feed();
  let iterator: AsyncIterator<U> | undefined;
  try {
    iterator = watch(attempt.signal, feed)[Symbol.asyncIterator]();
    for (;;) {
      const result = await stopped.orThe(iterator.next());
      if (result === undefined || result.done) break;
      feed();
      await take(result.value, feed);
    }
  } finally {
    watchdog.stop();
    signal.removeEventListener('abort', onAbort);
    attempt.abort();
    // Not awaited: a generator's return() hangs while its next() waits.
    iterator?.return?.().catch(() => {});
  }
  if (failure !== undefined) throw failure;
}

/** Lets a wait be given up without leaving a reaction behind on a long-lived promise, as `Promise.race` would. */
class Gate {
  #opened = false;
  #giveUp: (() => void) | undefined;

  open(): void {
    this.#opened = true;
    this.#giveUp?.();
  }

  /** The promise's outcome, or undefined once the gate is open. */
  orThe<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#giveUp = () => resolve(undefined);
      promise.then(resolve, reject);
      if (this.#opened) resolve(undefined);
    });
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

  /** One timer that looks back, not one set anew by every update. */
  #arm(ms: number): void {
    this.#cancel = this.#timing.schedule(ms, () => {
      if (this.#leftMs > 0) this.#arm(this.#leftMs);
      else this.#lookAgain();
    });
  }

  /** If the event loop was held, what came meanwhile still waits to be read: it gets its turn before the verdict. */
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
