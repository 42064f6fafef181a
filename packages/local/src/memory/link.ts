import { WatchError } from '@rollcall/core';

/**
 * What stands between a store and its watchers, and everything that can go wrong there. Streams pull: each remembers
 * which cuts, beats and replays it has seen, and waits on `changed` for more.
 */
export class MemoryLink {
  /** What the source reports as its own; see `MemoryStore.maxSilenceMs`. */
  maxSilenceMs = Number.POSITIVE_INFINITY;
  /** How often the streams were cut so far, and why the last time. */
  cuts = 0;
  cutError: WatchError | undefined;
  /** How often the store gave a sign of life so far. */
  beats = 0;
  /** How often streams were set back so far, and to which revision the last time. */
  replays = 0;
  replayAfter = 0n;
  readonly #name: string;
  readonly #outages = new Set<WatchError>();
  readonly #silences = new Set<symbol>();
  readonly #waiting = new Set<() => void>();

  /** @param name in errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Half-open: nothing is answered, and nobody is told. */
  get silent(): boolean {
    return this.#silences.size > 0;
  }

  /** Wakes everybody who waits on `changed`. */
  notify(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next `notify`, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** @throws the outage's error while there is one. */
  assertUp(): void {
    for (const error of this.#outages) throw error;
  }

  interrupt(error = new WatchError('UNREACHABLE', `The connection to ${this.#name} was cut.`)): void {
    this.cuts++;
    this.cutError = error;
    this.notify();
  }

  outage(error = new WatchError('UNREACHABLE', `${this.#name} is down.`)): () => void {
    this.#outages.add(error);
    this.interrupt(error);
    return () => void this.#outages.delete(error);
  }

  silence(): () => void {
    const silence = Symbol();
    this.#silences.add(silence);
    return () => {
      this.#silences.delete(silence);
      this.notify();
    };
  }

  heartbeat(): void {
    this.beats++;
    this.notify();
  }

  replay(after: bigint): void {
    this.replays++;
    this.replayAfter = after;
    this.notify();
  }
}
