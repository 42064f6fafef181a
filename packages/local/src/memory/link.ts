import { WatchError } from '@rollcall/core';

/**
 * The link between a store and its watches, with every fault that it can have. Watches pull: each remembers the cuts,
 * beats and replays that it has seen, and waits on `changed`.
 */
export class MemoryLink {
  /** The source's `maxSilenceMs`; see `MemoryStore.maxSilenceMs`. */
  maxSilenceMs = Number.POSITIVE_INFINITY;
  /** The number of cuts, and the error of the last. */
  cuts = 0;
  cutError: WatchError | undefined;
  /** The number of signs of life. */
  beats = 0;
  /** The number of replays, and the revision after which the last begins. */
  replays = 0;
  replayAfter = 0n;
  readonly #name: string;
  readonly #outages = new Set<WatchError>();
  readonly #silences = new Set<symbol>();
  readonly #waiting = new Set<() => void>();

  /** @param name the store's name, for errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** A half-open link: nothing is answered, and nobody is notified. */
  get silent(): boolean {
    return this.#silences.size > 0;
  }

  /** Wakes all that wait on `changed`. */
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
