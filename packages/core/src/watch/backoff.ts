/**
 * Full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), also at the cap, so that
 * many watchers that lost one server do not come back in lockstep.
 */
const BASE_MS = 250;
const CAP_MS = 30_000;

/** A server may ask for more, but one wrong header must not end a watch. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** An attempt that stayed live for this long ends an outage: the next failure starts at the base again. */
export const HEALTHY_AFTER_MS = 10_000;

/**
 * The wait before the next attempt, ms.
 * @param failures failed attempts in this outage so far, at least 1; Infinity waits as at the cap.
 * @param retryAfterMs the least wait the server asked for; believed up to an hour.
 */
export function backoffMs(failures: number, random: () => number, retryAfterMs = 0): number {
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
  // Added, not the larger of the two: everybody who was told the same Retry-After must still spread.
  return Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS) + random() * ceiling;
}
