/**
 * Full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), also at the cap: otherwise
 * many watchers that lost one server would come back in lockstep. Both in ms.
 */
const BASE_MS = 250;
const CAP_MS = 30_000;

/** The longest Retry-After that is obeyed, ms: one wrong header must not end a watch. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** After an attempt was live for this long, ms, the next failure begins a new outage, with the shortest wait. */
export const HEALTHY_AFTER_MS = 10_000;

/**
 * The wait before the next attempt, ms.
 * @param failures failed attempts in this outage, at least 1; Infinity for the wait at the cap.
 * @param retryAfterMs the wait that the server asked for, ms; at most an hour is obeyed.
 */
export function backoffMs(failures: number, random: () => number, retryAfterMs = 0): number {
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
  // Added: callers that got the same Retry-After must still spread.
  return Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS) + random() * ceiling;
}
