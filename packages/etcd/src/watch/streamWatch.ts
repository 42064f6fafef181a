import { compareRevisions, type Revision, systemTiming, WatchError } from '@rollcall/core';
import type { WatchAnswer } from '../rpc/messages.js';

/** What one watch is told. */
export type Told =
  | { readonly type: 'events'; readonly answer: WatchAnswer }
  /** All up to this revision has been told. */
  | { readonly type: 'progress'; readonly revision: Revision }
  /** The stream lives. Told only to a reader that waits. */
  | { readonly type: 'alive' };

/** How a watch acts on the stream that it is on. */
export interface StreamSide {
  /** So many bytes of an answer wait to be read no longer. */
  onTaken(bytes: number): void;
  onClosed(watch: StreamWatch): void;
}

/** One watch among those of a stream: what it has been told and has not read yet. */
export class StreamWatch {
  readonly id: string;
  readonly #askedBefore: number;
  readonly #stream: StreamSide;
  readonly #signal: AbortSignal;
  #waiting: Told[] = [];
  #hasReader = false;
  #createdAt: Revision | undefined;
  #failure: WatchError | undefined;
  #closed = false;
  #wake: () => void = () => {};
  readonly #onAbort = (): void => this.#wake();

  /** @param askedBefore how many requests for progress went before that for this watch. */
  constructor(id: string, askedBefore: number, stream: StreamSide, signal: AbortSignal) {
    this.id = id;
    this.#askedBefore = askedBefore;
    this.#stream = stream;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Whether the stream has confirmed it. */
  get isCreated(): boolean {
    return this.#createdAt !== undefined;
  }

  /** The stream's word that the watch exists. */
  created(at: Revision): void {
    this.#createdAt = at;
    this.#wake();
  }

  tellEvents(answer: WatchAnswer): void {
    this.#tell({ type: 'events', answer });
  }

  /**
   * The stream's word that all of its watches had been told everything up to the revision. The server may have given it
   * just before it created this one, and send it after the confirmation: events and confirmations come from two queues.
   * But then the confirmation's revision is no lower, and it is one of the answers to earlier requests, which come first.
   * @param answered how many requests for progress were answered on the stream, this one included.
   * @returns whether it is the word on this watch, too.
   */
  tellProgress(revision: Revision, answered: number): boolean {
    const createdAt = this.#createdAt;
    if (createdAt === undefined) return false;
    if (answered <= this.#askedBefore && compareRevisions(revision, createdAt) <= 0) return false;
    this.#tell({ type: 'progress', revision });
    return true;
  }

  tellAlive(): void {
    if (this.#hasReader) this.#tell({ type: 'alive' });
  }

  /** The last thing that is told: read after all that was told before. */
  fail(failure: WatchError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  /**
   * Resolves when the server says that the watch exists.
   * @returns the store's revision then, as far as that one member knew. It implies no delivery.
   * @throws WatchError TIMEOUT after `ms`; why the watch was refused; the signal's reason when aborted.
   */
  async untilCreated(ms: number, endpoint: string): Promise<Revision> {
    const late = (): WatchError => new WatchError('TIMEOUT', `etcd at ${endpoint} did not create the watch in time.`);
    const cancelTimer = systemTiming.schedule(ms, () => this.fail(late()));
    try {
      for (;;) {
        this.#signal.throwIfAborted();
        if (this.#createdAt !== undefined) return this.#createdAt;
        if (this.#failure !== undefined) throw this.#failure;
        await this.#woken();
      }
    } finally {
      cancelTimer();
    }
  }

  /**
   * What is told next.
   * @throws WatchError what ended the watch; the signal's reason when aborted.
   */
  async next(): Promise<Told> {
    for (;;) {
      this.#signal.throwIfAborted();
      const told = this.#waiting.shift();
      if (told?.type === 'events') this.#stream.onTaken(told.answer.bytes);
      if (told !== undefined) return told;
      if (this.#failure !== undefined) throw this.#failure;
      this.#hasReader = true;
      await this.#woken();
      this.#hasReader = false;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    for (const told of this.#waiting) if (told.type === 'events') this.#stream.onTaken(told.answer.bytes);
    this.#waiting = [];
    this.#stream.onClosed(this);
  }

  #tell(told: Told): void {
    this.#waiting.push(told);
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
