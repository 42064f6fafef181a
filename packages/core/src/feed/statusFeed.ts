import type { Status } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';

/** A status and those who listen to it. A listener that throws is logged and stops nobody else. */
export class StatusFeed {
  readonly #logger: Logger;
  readonly #listeners = new Set<(status: Status) => void>();
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
        listener(status);
      } catch (error) {
        this.#logger.error({ err: error }, 'A status listener threw; the others go on.');
      }
    }
  }

  listen(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
