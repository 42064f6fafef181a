import { WatchError } from '@rollcall/core';
import type { RpcLimits } from '../rpc/deadlines.js';
import type { TxnAnswer } from '../rpc/messages.js';
import type { TxnRequest } from '../rpc/requests.js';

/** etcd accepts 128 operations in a transaction (--max-txn-ops). */
const MOST_RANGES = 120;

/** One watch's read. */
export interface SharedRead extends RpcLimits {
  /** The number of ranges. */
  readonly count: number;
  /** @param sharers the number of reads in the transaction: together they must not ask for much more than one. */
  ranges(sharers: number): TxnRequest;
}

interface WaitingRead extends SharedRead {
  resolve(answer: TxnAnswer): void;
  reject(error: unknown): void;
}

/**
 * Puts reads of many watches into shared transactions. A thousand separate calls were half of the cost of attaching a
 * thousand watches.
 */
export class SharedReads {
  readonly #txn: (ranges: TxnRequest, limits: RpcLimits) => Promise<TxnAnswer>;
  #waiting: WaitingRead[] = [];

  constructor(txn: (ranges: TxnRequest, limits: RpcLimits) => Promise<TxnAnswer>) {
    this.#txn = txn;
  }

  /**
   * Reads together with all reads of the same turn of the event loop. @throws as the transaction; the signal's reason.
   */
  read(read: SharedRead): Promise<TxnAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ ...read, ranges: (sharers) => read.ranges(sharers), resolve, reject });
    });
  }

  #flush(): void {
    const asked = this.#waiting;
    this.#waiting = [];
    let shared: WaitingRead[] = [];
    let count = 0;
    for (const waiting of asked) {
      if (waiting.signal.aborted) {
        waiting.reject(waiting.signal.reason);
        continue;
      }
      if (count + waiting.count > MOST_RANGES) {
        void this.#answer(shared);
        shared = [];
        count = 0;
      }
      shared.push(waiting);
      count += waiting.count;
    }
    if (shared.length > 0) void this.#answer(shared);
  }

  async #answer(shared: readonly WaitingRead[]): Promise<void> {
    // One watch may be closed while the others still wait.
    const all = new AbortController();
    const onAbort = (): void => {
      if (shared.every(({ signal }) => signal.aborted)) all.abort(shared[0]?.signal.reason);
    };
    for (const { signal } of shared) signal.addEventListener('abort', onAbort, { once: true });
    try {
      const rangesOfEach = shared.map(({ ranges }) => ranges(shared.length));
      const { header, ranges } = await this.#txn(rangesOfEach.flat(), {
        signal: all.signal,
        deadlineMs: latest(shared),
      });
      let at = 0;
      for (const { count, resolve } of shared) {
        resolve({ header, ranges: ranges.slice(at, at + count) });
        at += count;
      }
    } catch (error) {
      const isOfOne = shared.length > 1 && maybeOfOne(error);
      for (const waiting of shared) {
        if (waiting.signal.aborted) waiting.reject(waiting.signal.reason);
        else if (isOfOne) void this.#answer([waiting]);
        else waiting.reject(error);
      }
    } finally {
      for (const { signal } of shared) signal.removeEventListener('abort', onAbort);
    }
  }
}

/** Reads separately: one watch's missing right, or its large values, would fail the transaction for all. */
function maybeOfOne(error: unknown): boolean {
  const { code } = WatchError.from(error);
  return code === 'FORBIDDEN' || code === 'TOO_LARGE';
}

/** The shortest deadline; undefined (the usual one) if any read has that. */
function latest(shared: readonly WaitingRead[]): number | undefined {
  const deadlines = shared.map(({ deadlineMs }) => deadlineMs);
  return deadlines.includes(undefined) ? undefined : Math.max(...(deadlines as number[]));
}
