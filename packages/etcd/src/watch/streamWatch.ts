import { type Timing, WatchError } from '@rollcall/core';
import type { QuietUpdate } from '@rollcall/core/adapter';
import type { ResponseHeader, WatchAnswer } from '../rpc/messages.js';

/** A message from the stream to one watch. */
export type WatchMessage =
  | { readonly type: 'events'; readonly answer: WatchAnswer }
  /**
   * A bookmark: everything up to its revision was delivered. `alive`: the stream works; sent only to a waiting reader.
   */
  | QuietUpdate
  /** Nothing has proven the watch for a while: make a read. */
  | { readonly type: 'unproven' };

/** What a watch reports to its stream. */
export interface StreamSide {
  /** So many bytes of an answer were read. */
  onTaken(bytes: number): void;
  onClosed(watch: StreamWatch): void;
}

interface StreamWatchOptions {
  readonly signal: AbortSignal;
  /** Takes quiet updates without waking the reader. */
  readonly tell?: ((update: QuietUpdate) => void) | undefined;
  readonly timing: Timing;
  readonly stream: StreamSide;
}

/** One watch of a stream, with its messages that were not read yet. */
export class StreamWatch {
  /** The server's id of the watch; undefined before the confirmation. */
  id: string | undefined;
  /** The number of progress requests before the watch was created. */
  askedBefore = 0;
  /** When a read proves the watch, unless something else does before. */
  proofDueAt = Number.POSITIVE_INFINITY;
  /** True if too much was received before the watch had a reader: the server was told to end it. */
  overflowed = false;
  readonly #options: StreamWatchOptions;
  /** Messages before `#at` were read. `Array.shift()` would take 2.6 s for 80,000 messages. */
  #waiting: (WatchMessage | undefined)[] = [];
  #at = 0;
  #waitingBytes = 0;
  #hasReader = false;
  #isUnread = true;
  #created: ResponseHeader | undefined;
  #failure: WatchError | undefined;
  #closed = false;
  #wake: () => void = () => {};
  readonly #onAbort = (): void => this.#wake();

  constructor(options: StreamWatchOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The header of the confirmation. */
  get created(): ResponseHeader | undefined {
    return this.#created;
  }

  /** Whether the watch has no reader yet. */
  get isUnread(): boolean {
    return this.#isUnread;
  }

  /** Unread bytes. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The server has confirmed the watch. */
  confirm(header: ResponseHeader): void {
    this.#created = header;
    this.#wake();
  }

  tell(message: WatchMessage): void {
    const { tell } = this.#options;
    // A waiting reader has read everything, so a quiet update may go straight to the core, without waking it.
    const isWaiting = this.#hasReader && this.#waiting.length === 0;
    if (message.type === 'alive' && !isWaiting) return;
    if (tell !== undefined && isWaiting && (message.type === 'alive' || message.type === 'bookmark')) {
      tell(message);
      return;
    }
    if (message.type === 'events') this.#waitingBytes += message.answer.bytes;
    this.#waiting.push(message);
    this.#wake();
  }

  /** Ends the watch with an error, which is read after all earlier messages. */
  fail(failure: WatchError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  /** Drops all unread messages. */
  drop(): void {
    this.#options.stream.onTaken(this.#waitingBytes);
    this.#waiting = [];
    this.#at = 0;
    this.#waitingBytes = 0;
  }

  /**
   * Resolves when the server has confirmed the watch.
   * @throws WatchError TIMEOUT after `ms`; why the watch was refused; the signal's reason when aborted.
   */
  async untilCreated(ms: number, endpoint: string): Promise<ResponseHeader> {
    const { signal, timing } = this.#options;
    const late = (): WatchError => new WatchError('TIMEOUT', `etcd at ${endpoint} did not create the watch in time.`);
    const cancelTimer = timing.schedule(ms, () => this.fail(late()));
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.#created !== undefined) return this.#created;
        if (this.#failure !== undefined) throw this.#failure;
        await this.#woken();
      }
    } finally {
      cancelTimer();
    }
  }

  /**
   * The next message.
   * @throws WatchError what ended the watch; the signal's reason when aborted.
   */
  async next(): Promise<WatchMessage> {
    this.#isUnread = false;
    for (;;) {
      this.#options.signal.throwIfAborted();
      const message = this.#take();
      if (message !== undefined) return message;
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
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.drop();
    this.#options.stream.onClosed(this);
  }

  #take(): WatchMessage | undefined {
    const message = this.#waiting[this.#at];
    if (message === undefined) return undefined;
    this.#waiting[this.#at++] = undefined;
    if (this.#at === this.#waiting.length) {
      this.#waiting = [];
      this.#at = 0;
    }
    if (message.type === 'events') {
      this.#waitingBytes -= message.answer.bytes;
      this.#options.stream.onTaken(message.answer.bytes);
    }
    return message;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
