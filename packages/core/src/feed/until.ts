import { WatchError } from '../model/errors.js';
import type { Timing } from '../runtime/timing.js';

export interface UntilOptions {
  readonly timing: Timing;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** The last failure, for the message of a timeout. */
  readonly lastError?: () => WatchError | undefined;
}

/**
 * Waits until `answer` returns a value. Calls it now, and each time that `listen` wakes it.
 * @throws what `answer` throws, the signal's reason, or WatchError TIMEOUT.
 */
export function until<T>(
  answer: () => T | undefined,
  listen: (wake: () => void) => () => void,
  { timing, signal, timeoutMs, lastError }: UntilOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const undo: (() => void)[] = [];
    const finish = (settle: () => void): void => {
      for (const each of undo.splice(0)) each();
      settle();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const look = (): void => {
      try {
        const value = answer();
        if (value !== undefined) finish(() => resolve(value));
      } catch (error) {
        fail(error);
      }
    };
    if (signal !== undefined) {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      undo.push(() => signal.removeEventListener('abort', onAbort));
    }
    if (timeoutMs !== undefined)
      undo.push(timing.schedule(timeoutMs, () => fail(timeoutError(timeoutMs, lastError?.()))));
    undo.push(listen(look));
    look();
  });
}

function timeoutError(timeoutMs: number, cause: WatchError | undefined): WatchError {
  const reason = cause === undefined ? '' : ` The last failure was: ${cause.message}`;
  return new WatchError('TIMEOUT', `No state after ${timeoutMs} ms.${reason}`, { cause });
}
