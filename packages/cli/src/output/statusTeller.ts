import type { Status } from '@rollcall/core';
import type { Output } from './output.js';

/** The states worth a line. */
export type ToldStatus = Extract<Status, { state: 'connecting' | 'live' | 'stale' }>;

/** If the first answer takes longer than this, ms, the command says that it is connecting. */
const CONNECTING_MS = 1_000;

/** A watcher, or a view of one. */
interface Watched {
  readonly status: Status;
  onStatus(listener: (status: Status) => void): () => void;
}

/**
 * Prints when a watch becomes stale, with each new reason, and when it is live again, after the changes that came
 * before. If there is nothing to print after 1 s, it says once that the watch is connecting. While the output is full
 * only the newest status counts.
 */
export class StatusTeller {
  readonly #watched: Watched;
  readonly #out: Output;
  readonly #line: (status: ToldStatus) => string;
  /** The status that was printed last. */
  #told: string;
  #printing = false;
  #connecting: NodeJS.Timeout;

  /** @param believed the status that needs no line: `live`, or the code of the staleness that was asked for. */
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

  /** One turn later, the change that came with this status is already being printed. */
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
