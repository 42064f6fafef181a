import type { Status } from '@rollcall/core';
import type { Output } from './output.js';

/** The states worth a line. */
export type ToldStatus = Extract<Status, { state: 'connecting' | 'live' | 'stale' }>;

/** If the first answer takes longer than this, ms, the command says that it is connecting. */
const CONNECTING_MS = 1_000;

/** A watcher, or a broker list. */
interface Watched {
  readonly status: Status;
  onStatus(listener: (status: Status) => void): () => void;
}

/**
 * Prints when a watch becomes stale, with each new error code, and when it is live again, after the changes that came
 * before. If the watch is still connecting after 1 s, it says so once. While the output waits for a slow reader, older
 * statuses are skipped.
 */
export class StatusTeller {
  readonly #watched: Watched;
  readonly #out: Output;
  readonly #line: (status: ToldStatus) => string;
  /** What the reader takes the status to be: `live`, or the code of a stale one. */
  #told: string;
  #printing = false;
  #connecting: NodeJS.Timeout;

  /**
   * @param believed what the reader takes the status to be at the start, so that it is not printed: `live`, or
   *   NOT_CURRENT for a watch of the past.
   */
  constructor(watched: Watched, out: Output, line: (status: ToldStatus) => string, believed = 'live') {
    this.#watched = watched;
    this.#out = out;
    this.#line = line;
    this.#told = believed;
    watched.onStatus(() => this.#soon());
    this.#connecting = setTimeout(() => this.#tellConnecting(), CONNECTING_MS);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#connecting);
  }

  /** Prints something, and holds status lines back meanwhile. */
  async print(something: () => Promise<void>): Promise<void> {
    this.#printing = true;
    await something();
    this.#printing = false;
    this.#soon();
  }

  /** Waits one turn of the event loop, so that the change that came with this status is printed first. */
  #soon(): void {
    setImmediate(() => this.#tell());
  }

  #tellConnecting(): void {
    const { status } = this.#watched;
    if (status.state !== 'connecting' || this.#printing) return;
    void this.print(() => this.#out.lines([this.#line(status)]));
  }

  #tell(): void {
    const { status } = this.#watched;
    if (this.#printing || (status.state !== 'live' && status.state !== 'stale')) return;
    const state = status.state === 'stale' ? status.code : 'live';
    if (state === this.#told) return;
    this.#told = state;
    void this.print(() => this.#out.lines([this.#line(status)]));
  }
}
