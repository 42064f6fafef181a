import type { Timing } from '@rollcall/core';

/**
 * Until a resumed watch has been told where it is the stream is asked more often, ms: the server drops requests while a
 * watch replays, and it begins replays every 100 ms only.
 */
const FIRST_ASK_AFTER_MS = 125;
/** So many requests may be without an answer: the server drops some, and which one a reply answers it does not say. */
const MOST_OPEN = 2;

/**
 * Asks a stream where it is, so that it is never silent for long and the cursor of a quiet prefix stays ahead of
 * compaction.
 */
export class Progress {
  readonly #timing: Timing;
  readonly #everyMs: number;
  readonly #ask: () => void;
  /** When the requests went out that may be without an answer. */
  #open: number[] = [];
  #asked = 0;
  #answered = 0;
  #askedAt: number;
  #afterMs: number;
  #cancel: () => void = () => {};

  constructor(timing: Timing, everyMs: number, ask: () => void) {
    this.#timing = timing;
    this.#everyMs = everyMs;
    this.#afterMs = everyMs;
    this.#ask = ask;
    this.#askedAt = timing.now();
    this.#schedule();
  }

  /** Requests so far. */
  get asked(): number {
    return this.#asked;
  }

  /** Answers so far: some requests get none. */
  get answered(): number {
    return this.#answered;
  }

  askSoon(): void {
    this.#afterMs = FIRST_ASK_AFTER_MS;
    this.#schedule();
  }

  /** An answer came. @returns how many came so far, and since when its state is the store's, or for longer. */
  answer(): { readonly answered: number; readonly asOf: number } {
    const asOf = this.#open.shift() ?? this.#askedAt;
    return { answered: ++this.#answered, asOf };
  }

  /** There is no hurry any more. */
  everybodyKnows(): void {
    this.#afterMs = this.#everyMs;
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel();
    const dueIn = this.#askedAt + this.#afterMs - this.#timing.now();
    this.#cancel = this.#timing.schedule(Math.max(0, dueIn), () => {
      this.#asked++;
      this.#askedAt = this.#timing.now();
      this.#open = [...this.#open, this.#askedAt].slice(-MOST_OPEN);
      this.#afterMs = Math.min(this.#afterMs * 2, this.#everyMs);
      this.#ask();
      this.#schedule();
    });
  }
}
