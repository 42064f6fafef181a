import { unlessAborted } from '../rpc/abort.js';
import type { WatchStream } from './stream.js';

/** The one stream that new watches share: opened for the first of them, and anew when it has ended. */
export class SharedStream {
  readonly #open: () => Promise<WatchStream>;
  #current: Promise<WatchStream> | undefined;
  readonly #retired = new WeakSet<WatchStream>();

  constructor(open: () => Promise<WatchStream>) {
    this.#open = open;
  }

  /** @throws what opening throws, or the signal's reason when aborted. */
  async current(signal: AbortSignal): Promise<WatchStream> {
    for (;;) {
      this.#current ??= this.#open();
      const current = this.#current;
      try {
        const stream = await unlessAborted(current, signal);
        if (!stream.ended && !this.#retired.has(stream)) return stream;
        this.#forget(current);
      } catch (error) {
        current.then(
          // Whoever else waits for it comes first, and keeps it.
          (stream) => setImmediate(() => stream.endIfUnused()),
          () => this.#forget(current),
        );
        throw error;
      }
    }
  }

  /** New watches are not to be created on this stream any more; those that are on it go on. */
  retire(stream: WatchStream): void {
    this.#retired.add(stream);
  }

  #forget(stream: Promise<WatchStream>): void {
    if (this.#current === stream) this.#current = undefined;
  }
}
