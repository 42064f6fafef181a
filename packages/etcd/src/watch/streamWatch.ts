import { type Timing, WatchError } from '@rollcall/core';
import type { QuietUpdate } from '@rollcall/core/adapter';
import type { ResponseHeader, WatchAnswer } from '../rpc/messages.js';

/** What one watch is told by its stream. */
export type WatchMessage =
  | { readonly type: 'events'; readonly answer: WatchAnswer }
  /** A bookmark: all up to its revision has been told. `alive`: the stream lives; only told to a reader that waits. */
  | QuietUpdate
  /** Nothing has proven this watch for a while: a read must. */
  | { readonly type: 'unproven' };

/** How a watch acts on the stream that it is on. */
export interface StreamSide {
  /** So many bytes of an answer wait to be read no longer. */
  onTaken(bytes: number): void;
  onClosed(watch: StreamWatch): void;
}

interface StreamWatchOptions {
  readonly signal: AbortSignal;
  /** Takes what changes nothing without waking the reader. */
  readonly tell?: ((update: QuietUpdate) => void) | undefined;
  readonly timing: Timing;
  readonly stream: StreamSide;
}

/** One watch among those of a stream: what it has been told and has not read yet. */
export class StreamWatch {
  /** The server's name for it; undefined before the server confirmed the watch. */
  id: string | undefined;
  /** How many requests for progress went before that for this watch. */
  askedBefore = 0;
  /** When a read is to prove it, unless something else does before. */
  proofDueAt = Number.POSITIVE_INFINITY;
  /** Told more than it may while nobody read: the server was told to end it. */
  overflowed = false;
  readonly #options: StreamWatchOptions;
  /** Read from `#at` on; what is before was read. `Array.shift()` takes 2.6 s for 80,000 messages. */
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

  /** What the store's header said when the watch was created. */
  get created(): ResponseHeader | undefined {
    return this.#created;
  }

  /** Whether nobody has begun to read it. */
  get isUnread(): boolean {
    return this.#isUnread;
  }

  /** Bytes that wait to be read. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The stream's word that the watch exists. */
  confirm(header: ResponseHeader): void {
    this.#created = header;
    this.#wake();
  }

  tell(message: WatchMessage): void {
    const { tell } = this.#options;
    // A reader that waits has read all that was told before, so that it need not be woken for what changes nothing.
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

  /** The last thing that is told: read after all that was told before. */
  fail(failure: WatchError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  /** Forgets what waits to be read. */
  drop(): void {
    this.#options.stream.onTaken(this.#waitingBytes);
    this.#waiting = [];
    this.#at = 0;
    this.#waitingBytes = 0;
  }

  /**
   * Resolves when the server says that the watch exists.
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
   * What is told next.
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
