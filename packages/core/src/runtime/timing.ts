import { LinkedAbort } from './abort.js';

/** Clock, timers and randomness. Passed in, so that tests can control them. */
export interface Timing {
  /** Monotonic time, ms: for durations, because the wall clock may jump. */
  now(): number;
  /** Wall clock, ms since the Unix epoch: only for what people read. */
  wallNow(): number;
  /** A random number, uniform in [0, 1). */
  random(): number;
  /** Calls `run` once after `ms`. The returned function cancels it. The timer does not keep the process running. */
  schedule(ms: number, run: () => void): () => void;
}

/** The longest delay of a Node timer; a longer one fires after 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemTiming: Timing = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  random: () => Math.random(),
  schedule: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, LONGEST_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The promise's value; undefined if it takes longer than `ms`, or the signal aborts first. */
export async function inTime<T>(
  timing: Timing,
  ms: number,
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const settled = new LinkedAbort(signal);
  const late = delay(timing, ms, settled.signal);
  try {
    return await Promise.race([promise, late.then(() => undefined)]);
  } finally {
    settled.abort();
  }
}

/** Resolves after `ms`, or at once when the signal aborts: check the signal afterwards. */
export function delay(timing: Timing, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timing.schedule(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
