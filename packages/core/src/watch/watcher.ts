import { type InspectOptions, inspect } from 'node:util';
import { Latest, type LatestValue } from '../feed/latest.js';
import type { Step, Subscriber } from '../feed/subscriber.js';
import { until } from '../feed/until.js';
import { isChanged } from '../model/changes.js';
import { WatchError } from '../model/errors.js';
import type { WatchOptions } from '../model/options.js';
import type { Batch, ReadOptions, ReadResult, Snapshot, Status, Watcher } from '../model/types.js';
import { LinkedAbort } from '../runtime/abort.js';
import type { Logger } from '../runtime/logger.js';
import type { Timing } from '../runtime/timing.js';
import { Reader } from './reader.js';
import type { SharedWatch } from './sharedWatch.js';
import { firstView, moved, stepped, type View } from './view.js';

/** The longest delay of a timer: it only keeps the process running. */
const HOLD_MS = 2 ** 31 - 1;

/** A reference to a shared watch. */
export interface WatchReference {
  readonly watch: SharedWatch;
  /** Gives the reference back; call it once. */
  release(): Promise<void>;
}

export interface HandleOptions {
  readonly reference: WatchReference;
  readonly timing: Timing;
  readonly logger: Logger;
  /** A reference to the watch that a URL or a name stands for. @throws WatchError when it cannot be understood. */
  acquire(urlOrName: string, options: WatchOptions): WatchReference;
  /** Called when the handle is closed. */
  onClosed(handle: WatcherHandle): void;
}

/** The handle behind `Watcher`: a version, readers and listeners of its own on a watch that may be shared. */
export class WatcherHandle implements Watcher {
  readonly #options: HandleOptions;
  readonly #status: LatestValue<Status>;
  readonly #readers = new Set<Reader>();
  readonly #closing = new AbortController();
  readonly #subscriber: Subscriber = {
    onStep: (step, resync) => this.#onStep(step, resync),
    onStatus: (status) => this.#onStatus(status),
    isTaking: () => {
      for (const { isTaking } of this.#readers) if (isTaking) return true;
      return false;
    },
  };
  #reference: WatchReference;
  #view: View | undefined;
  /** Set for a handle with `since`, whose first reader gets every later change: the first view, once there is one. */
  #begin: { view: View | undefined } | undefined;
  #hold: NodeJS.Timeout | undefined;
  #swapping: AbortController | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: HandleOptions) {
    const { watch } = options.reference;
    this.#options = options;
    this.#reference = options.reference;
    this.#status = Latest.of(watch.status, options.logger);
    if (watch.held !== undefined) this.#view = firstView(watch.held);
    if (watch.since !== undefined) this.#begin = { view: this.#view };
    watch.subscribe(this.#subscriber);
    this.ref();
  }

  get prefix(): string {
    return this.#reference.watch.target.prefix;
  }

  get snapshot(): Snapshot | undefined {
    return this.#view?.snapshot;
  }

  get version(): number {
    return this.#view?.version ?? 0;
  }

  note(name: string): Promise<string | undefined> {
    return this.#reference.watch.note(name);
  }

  setNote(name: string, value: string): void {
    this.#reference.watch.setNote(name, value);
  }

  toJSON(): object {
    const { prefix, version, status, snapshot } = this;
    return { prefix, version, status: status.state, revision: snapshot?.revision, keys: snapshot?.entries.size ?? 0 };
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Watcher ${inspect(this.toJSON(), options)}`;
  }

  get status(): Status {
    const { value: current } = this.#status;
    return current.state === 'live' ? this.#reference.watch.status : current;
  }

  ready(options: { signal?: AbortSignal; timeoutMs?: number; fresh?: boolean } = {}): Promise<Snapshot> {
    const answer = (): Snapshot | undefined => {
      const { status } = this;
      if (status.state === 'failed') throw status.error;
      if (status.state === 'closed') throw closedError();
      return options.fresh && status.state !== 'live' ? undefined : this.snapshot;
    };
    const lastError = (): WatchError | undefined => ('error' in this.status ? this.status.error : undefined);
    return until(answer, (wake) => this.#status.subscribe(wake), {
      ...options,
      timing: this.#options.timing,
      lastError,
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<Batch> {
    return this.batches();
  }

  batches(options: ReadOptions = {}): AsyncIterableIterator<Batch> {
    const begin = this.#begin;
    this.#begin = undefined;
    const reader = new Reader(
      {
        timing: this.#options.timing,
        view: () => this.#view,
        begin: () => begin?.view,
        forget: (ended) => this.#readers.delete(ended),
      },
      options,
    );
    if (!reader.batches.ended) this.#readers.add(reader);
    this.#endOver(reader);
    return reader.batches;
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#status.onChange(listener);
  }

  async read(options: { signal?: AbortSignal } = {}): Promise<ReadResult> {
    this.#mustBeOpen();
    using abort = new LinkedAbort(this.#closing.signal, options.signal);
    return await this.#reference.watch.read(abort.signal);
  }

  async swap(urlOrName: string, options: WatchOptions = {}): Promise<void> {
    this.#mustBeOpen();
    const next = this.#options.acquire(urlOrName, options);
    this.#swapping?.abort(new WatchError('CLOSED', 'A later swap took the place of this one.'));
    const swapping = new AbortController();
    this.#swapping = swapping;
    const same = next.watch === this.#reference.watch;
    using abort = new LinkedAbort(swapping.signal, this.#closing.signal);
    const { signal } = abort;
    try {
      if (!same) await next.watch.live(signal);
      // The handle may have been closed or swapped after the answer.
      signal.throwIfAborted();
    } catch (error) {
      await next.release();
      throw error;
    }
    await (same ? next : this.#moveTo(next)).release();
  }

  ref(): this {
    if (this.#closed === undefined) this.#hold ??= setInterval(() => {}, HOLD_MS);
    return this;
  }

  unref(): this {
    clearInterval(this.#hold);
    this.#hold = undefined;
    return this;
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.unref();
      this.#reference.watch.unsubscribe(this.#subscriber);
      this.#closing.abort(closedError());
      // Set before listeners run: one of them may call close() again.
      this.#closed = Promise.resolve()
        .then(() => this.#reference.release())
        .finally(() => this.#options.onClosed(this));
      this.#status.set({ state: 'closed' });
      this.#status.end();
      for (const reader of [...this.#readers]) this.#endOver(reader);
    }
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onStep(step: Step, resync: boolean): void {
    this.#view = stepped(this.#view, step, resync);
    if (this.#begin !== undefined) this.#begin.view ??= this.#view;
    this.#tellReaders(step.changed);
  }

  #onStatus(status: Status): void {
    this.#status.set(status);
    for (const reader of [...this.#readers]) this.#endOver(reader);
  }

  /** @returns the reference that is no longer needed. */
  #moveTo(next: WatchReference): WatchReference {
    const previous = this.#reference;
    const held = next.watch.held;
    if (held === undefined) throw new WatchError('INTERNAL', 'A live watch holds no state.');
    previous.watch.unsubscribe(this.#subscriber);
    this.#reference = next;
    next.watch.subscribe(this.#subscriber);
    const changed = this.#view === undefined || isChanged(this.#view.snapshot, held);
    this.#view = moved(this.#view, held, changed);
    this.#status.set(next.watch.status);
    this.#tellReaders(changed);
    return previous;
  }

  #tellReaders(changed: boolean): void {
    // Readers cannot be added by this loop: batches are delivered a microtask later.
    for (const reader of this.#readers) {
      if (changed) reader.changed();
      else reader.moved();
    }
  }

  /** Ends a reader if the handle is closed or has failed. */
  #endOver(reader: Reader): void {
    const { status } = this;
    if (status.state === 'closed') reader.batches.end();
    else if (status.state === 'failed') reader.batches.end(status.error);
  }

  #mustBeOpen(): void {
    if (this.#closed !== undefined) throw closedError();
  }
}

function closedError(): WatchError {
  return new WatchError('CLOSED', 'The watcher is closed.');
}
