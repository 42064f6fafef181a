import type { Timing } from '@rollcall/core';

/**
 * Time between requests until a resumed watch has its position, ms. The server drops requests while a watch replays,
 * and begins replays only every 100 ms.
 */
const FIRST_ASK_AFTER_MS = 125;
/** The most requests without an answer. The server drops some, and a reply does not say which request it answers. */
const MOST_OPEN = 2;

/**
 * Requests progress on a stream, so that it is never silent for long, and the cursor of a quiet prefix stays ahead of
 * compaction.
 */
export class Progress {
  readonly #timing: Timing;
  readonly #everyMs: number;
  readonly #ask: () => void;
  /** When the unanswered requests were sent. */
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

  /** Requests sent. */
  get asked(): number {
    return this.#asked;
  }

  /** Answers received; some requests get none. */
  get answered(): number {
    return this.#answered;
  }

  askSoon(): void {
    this.#afterMs = FIRST_ASK_AFTER_MS;
    this.#schedule();
  }

  /** Takes note of an answer. @returns the number of answers, and the time from which its state is certain. */
  answer(): { readonly answered: number; readonly asOf: number } {
    const asOf = this.#open.shift() ?? this.#askedAt;
    return { answered: ++this.#answered, asOf };
  }

  /** Returns to the normal pace. */
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
