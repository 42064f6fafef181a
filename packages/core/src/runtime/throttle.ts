import type { WatchError } from '../model/errors.js';
import type { Logger } from './logger.js';
import type { Timing } from './timing.js';

/** The same error is logged once in this time, ms. */
const QUIET_MS = 30_000;

/** Logs a warning unless the same error (code and message) was logged in the last 30 s. */
export class LogThrottle {
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #last = new Map<string, number>();

  constructor(logger: Logger, timing: Timing) {
    this.#logger = logger;
    this.#timing = timing;
  }

  warn(error: WatchError, message: string): void {
    const now = this.#timing.now();
    for (const [key, at] of this.#last) if (now - at >= QUIET_MS) this.#last.delete(key);
    const key = `${error.code} ${error.message}`;
    if (this.#last.has(key)) return;
    this.#last.set(key, now);
    this.#logger.warn({ code: error.code }, message);
  }
}
