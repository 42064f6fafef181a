import { LinkedAbort } from './abort.js';

/** Clock, timers and randomness, given from outside so that tests decide them. */
export interface Timing {
  /** Monotonic, ms: durations never follow the wall clock, which may jump. */
  now(): number;
  /** Wall clock, ms since the Unix epoch: only ever shown to people. */
  wallNow(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Runs once after `ms`; the returned function cancels. Never holds the process. */
  schedule(ms: number, run: () => void): () => void;
}

/** The longest a Node timer can be; it takes a longer one for 1 ms. */
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

/** The promise's value; undefined when it takes longer than `ms`, or when the signal aborts meanwhile. */
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

/** Resolves after `ms`, or at once when the signal aborts: the caller looks at the signal. */
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
