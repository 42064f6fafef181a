import { compareRevisions, type Resume, type Revision, type Target, WatchError } from '@rollcall/core';
import { ANSWER_MS, PROOF_MS } from '../rpc/deadlines.js';
import type { RangeAnswer, TxnAnswer } from '../rpc/messages.js';
import { KeyNames, rangeOf } from '../rpc/range.js';
import type { RangeRequest, TxnRequest } from '../rpc/requests.js';
import { first, isSame } from './witness.js';

/** etcd takes 128 operations in a transaction (--max-txn-ops); each watch needs three at most. */
const WATCHES_A_READ = 40;

/** To look for newer keys a server loads the whole range: so many take longer than an answer may that tells of silence. */
const MANY_KEYS = 5_000;

/** What a read of the store's present says of a state that is held. */
export type Verdict =
  /** The store has just this, and had no other since. */
  | { readonly type: 'same' }
  /** A key was put at this revision, after the state that is held: the stream is to tell it. */
  | { readonly type: 'newer'; readonly revision: Revision }
  /** No key is newer, but some are gone or others: a delete is on its way, or the store is another one. */
  | { readonly type: 'different' };

type Read = (ranges: TxnRequest, limits: { signal: AbortSignal; deadlineMs: number }) => Promise<TxnAnswer>;

interface Question {
  readonly target: Target;
  readonly held: Resume;
  readonly signal: AbortSignal;
  resolve(verdict: Verdict): void;
  reject(error: unknown): void;
}

/**
 * Proves by reads that what watches hold is what the store has: where the stream cannot say so, because what stands
 * between drops requests for progress, or the server's version answers them wrongly. Watches that ask at the same time
 * share one transaction.
 */
export class Prover {
  readonly #read: Read;
  #waiting: Question[] = [];

  constructor(read: Read) {
    this.#read = read;
  }

  /** @throws WatchError when the store cannot be read; the signal's reason. */
  ask(target: Target, held: Resume, signal: AbortSignal): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ target, held, signal, resolve, reject });
    });
  }

  #flush(): void {
    const questions = this.#waiting.filter(({ signal, reject }) => {
      if (signal.aborted) reject(signal.reason);
      return !signal.aborted;
    });
    this.#waiting = [];
    for (let at = 0; at < questions.length; at += WATCHES_A_READ) {
      void this.#answer(questions.slice(at, at + WATCHES_A_READ));
    }
  }

  async #answer(questions: readonly Question[]): Promise<void> {
    const rangesOfEach = questions.map(rangesOf);
    // Any of the watches may be closed while the others still wait.
    const all = new AbortController();
    const signals = questions.map(({ signal }) => signal);
    const onAbort = (): void => {
      if (signals.every(({ aborted }) => aborted)) all.abort(signals[0]?.reason);
    };
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
    try {
      const deadlineMs = questions.some(({ held }) => (held.proof?.count ?? 0) > MANY_KEYS) ? ANSWER_MS : PROOF_MS;
      const { ranges } = await this.#read(rangesOfEach.flat(), { signal: all.signal, deadlineMs });
      let at = 0;
      for (const [i, question] of questions.entries()) {
        const length = rangesOfEach[i]?.length ?? 0;
        question.resolve(verdictOf(question, ranges.slice(at, at + length)));
        at += length;
      }
    } catch (error) {
      // One watch's missing right fails the transaction of all.
      const isOfOne = questions.length > 1 && WatchError.from(error).code === 'FORBIDDEN';
      for (const question of questions) {
        if (isOfOne) void this.#answer([question]);
        else question.reject(error);
      }
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    }
  }
}

/** How many there are, what was put since, and the newest of those that are held. */
function rangesOf({ target, held }: Question): RangeRequest[] {
  const range = rangeOf(target);
  const newest = held.proof?.newest;
  return [
    { ...range, countOnly: true },
    { ...range, minModRevision: String(BigInt(held.revision) + 1n), keysOnly: true, limit: 1 },
    ...(newest === undefined ? [] : [{ key: new KeyNames(target).absolute(newest.key) }]),
  ];
}

function verdictOf({ held }: Question, [all, newer, newest]: readonly RangeAnswer[]): Verdict {
  const put = first(newer)?.modRevision;
  if (put !== undefined && compareRevisions(put, held.revision) > 0) return { type: 'newer', revision: put };
  const { count, newest: known } = held.proof ?? { count: 0 };
  const same = all?.count === String(count) && (known === undefined || isSame(first(newest), known.entry));
  return { type: same ? 'same' : 'different' };
}
