import { untilAborted } from '@rollcall/core/internal';
import type { WatchStream } from './stream.js';

/** If creations wait longer than this, ms, another stream is opened. */
const LONG_QUEUE = 32;
const MOST_STREAMS = 4;

/**
 * The shared streams of watches. Normally one, opened for the first watch, and again after it has ended. If the server
 * chooses watch ids itself, so that watches are created one at a time, there are a few.
 */
export class SharedStreams {
  readonly #open: () => Promise<WatchStream>;
  readonly #streams = new Set<WatchStream>();
  #opening: Promise<WatchStream> | undefined;

  constructor(open: () => Promise<WatchStream>) {
    this.#open = open;
  }

  /** @throws what opening throws, or the signal's reason when aborted. */
  async current(signal: AbortSignal): Promise<WatchStream> {
    const best = this.#best();
    const isEnough = best !== undefined && (best.queue <= LONG_QUEUE || this.#streams.size >= MOST_STREAMS);
    if (isEnough) return best;
    this.#opening ??= this.#openOne();
    const opening = this.#opening;
    try {
      return await untilAborted(opening, signal);
    } catch (error) {
      // A caller that waits for this stream keeps it open.
      opening.then(
        (stream) => setImmediate(() => stream.endIfUnused()),
        () => {},
      );
      throw error;
    }
  }

  /** Creates no more watches on this stream. Its present watches continue. */
  retire(stream: WatchStream): void {
    this.#streams.delete(stream);
  }

  async #openOne(): Promise<WatchStream> {
    try {
      const stream = await this.#open();
      this.#streams.add(stream);
      return stream;
    } finally {
      this.#opening = undefined;
    }
  }

  #best(): WatchStream | undefined {
    let best: WatchStream | undefined;
    for (const stream of this.#streams) {
      if (stream.ended) this.#streams.delete(stream);
      else if (best === undefined || stream.queue < best.queue) best = stream;
    }
    return best;
  }
}
