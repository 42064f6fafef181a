import type { Status } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';

/** A status and those who listen to it. A listener that throws is logged and stops nobody else. */
export class StatusFeed {
  readonly #logger: Logger;
  /** Wrapped, because a function that listens twice is two listeners. */
  readonly #listeners = new Set<{ readonly tell: (status: Status) => void }>();
  #current: Status;

  constructor(initial: Status, logger: Logger) {
    this.#current = initial;
    this.#logger = logger;
  }

  get current(): Status {
    return this.#current;
  }

  set(status: Status): void {
    this.#current = status;
    for (const listener of [...this.#listeners]) {
      // One that was taken off by another, as by a close() inside it, is told nothing more.
      if (!this.#listeners.has(listener)) continue;
      try {
        listener.tell(status);
      } catch (error) {
        this.#logger.error({ err: error }, 'A status listener threw; the others go on.');
      }
    }
  }

  listen(listener: (status: Status) => void): () => void {
    const own = { tell: listener };
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
