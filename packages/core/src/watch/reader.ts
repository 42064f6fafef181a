import { PullIterator } from '../feed/pullIterator.js';
import { WatchError } from '../model/errors.js';
import type { Batch, ReadOptions } from '../model/types.js';
import type { Timing } from '../runtime/timing.js';
import { batchBetween, batchInSlices, isLarge, type View } from './view.js';

/** Default of `maxQuietMs`, in quiet periods. */
const DEFAULT_MAX_QUIET_PERIODS = 10;

/** The handle, as its readers see it. */
export interface ReaderHost {
  readonly timing: Timing;
  view(): View | undefined;
  /** The view that the first batch shows; undefined for the present one. */
  begin(): View | undefined;
  forget(reader: Reader): void;
}

/** One reader of a handle. It keeps the view that it saw last, and no queue. */
export class Reader {
  readonly batches: PullIterator<Batch>;
  readonly #host: ReaderHost;
  readonly #quietMs: number;
  readonly #maxQuietMs: number;
  #seen: View | undefined;
  /** When the first and the last change came that this reader has not seen. */
  #unseen: { readonly first: number; readonly last: number } | undefined;
  /** Whether a `next()` was pending at the last change. */
  #wasAwaited = false;
  #cancelTimer: () => void = () => {};
  #prepared: { readonly view: View; readonly batch: Batch | undefined } | 'under way' | undefined;

  /** @throws WatchError INVALID_OPTION. */
  constructor(host: ReaderHost, options: ReadOptions) {
    this.#host = host;
    this.#quietMs = nonNegative('quietMs', options.quietMs ?? 0);
    this.#maxQuietMs = nonNegative('maxQuietMs', options.maxQuietMs ?? this.#quietMs * DEFAULT_MAX_QUIET_PERIODS);
    this.batches = new PullIterator<Batch>({
      take: () => this.#take(),
      onEnd: () => {
        this.#cancelTimer();
        host.forget(this);
      },
      signal: options.signal,
    });
  }

  /** Called when the view has changed visibly. */
  changed(): void {
    if (this.#quietMs > 0) {
      const now = this.#host.timing.now();
      this.#unseen = { first: this.#unseen?.first ?? now, last: now };
    }
    this.#wasAwaited = this.batches.isAwaited;
    this.batches.serve();
  }

  /** Whether the reader took the last change at once and has not called `next()` since. */
  get isTaking(): boolean {
    return this.#wasAwaited && !this.batches.isAwaited && !this.batches.ended;
  }

  /** Called when the view has moved without a visible change (a bookmark, a new epoch with the same content). */
  moved(): void {
    const view = this.#host.view();
    if (view !== undefined && this.#seen?.version === view.version) this.#seen = view;
  }

  #take(): Batch | undefined {
    const view = this.#host.view();
    if (view === undefined || this.#mustStayQuiet()) return undefined;
    const next = (this.#seen === undefined ? this.#host.begin() : undefined) ?? view;
    const prepared = this.#prepared;
    if (prepared === undefined && isLarge(this.#seen, next)) {
      this.#prepare(next);
      return undefined;
    }
    if (prepared === 'under way') return undefined;
    this.#prepared = undefined;
    const batch = prepared === undefined ? batchBetween(this.#seen, next) : prepared.batch;
    this.#seen = prepared?.view ?? next;
    if (this.#seen === view) this.#unseen = undefined;
    return batch ?? (this.#seen === view ? undefined : this.#take());
  }

  /** Computes a large batch in slices, then delivers it. Later changes come in the next batch. */
  #prepare(view: View): void {
    this.#prepared = 'under way';
    void batchInSlices(this.#seen, view).then((batch) => {
      this.#prepared = { view, batch };
      this.batches.serve();
    });
  }

  /** Whether the quiet period still runs; then a timer delivers at its end. The first batch never waits. */
  #mustStayQuiet(): boolean {
    this.#cancelTimer();
    if (this.#seen === undefined || this.#unseen === undefined || this.#quietMs === 0) return false;
    const due = Math.min(this.#unseen.last + this.#quietMs, this.#unseen.first + this.#maxQuietMs);
    const waitMs = due - this.#host.timing.now();
    if (waitMs <= 0) return false;
    this.#cancelTimer = this.#host.timing.schedule(waitMs, () => this.batches.serve());
    return true;
  }
}

function nonNegative(name: string, ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new WatchError('INVALID_OPTION', `${name} must be a number of milliseconds, 0 or more; it is ${ms}.`);
}
