import { type Revision, systemTiming, type Target, WatchError } from '@rollcall/core';
import type { Connection } from './connection.js';
import { ANSWER_MS } from './deadlines.js';
import type { WatchAnswer } from './messages.js';
import { rangeOf } from './range.js';
import { toWatchError } from './status.js';
import type { WatchCall } from './transport.js';

/** What opening needs of a connection. */
type Opener = Pick<Connection, 'endpoint' | 'watch'>;

/**
 * One watch on a stream of its own. An answer is read when it is asked for, so a slow reader leaves the others to
 * HTTP/2's flow control and to the server.
 */
export class WatchStream {
  readonly #call: WatchCall;
  readonly #endpoint: string;
  readonly #signal: AbortSignal;
  #failure: WatchError | undefined;
  #wake: () => void = () => {};
  readonly #onAbort = (): void => this.#wake();

  private constructor(call: WatchCall, endpoint: string, signal: AbortSignal) {
    this.#call = call;
    this.#endpoint = endpoint;
    this.#signal = signal;
    call.on('readable', () => this.#wake());
    call.on('error', (error) => this.#end(toWatchError(error, endpoint)));
    call.on('end', () => this.#end(new WatchError('ENDED', `etcd at ${endpoint} ended the watch.`)));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Resolves when the server says that the watch exists.
   * @param start the first revision wanted.
   * @returns `createdAt`: the store's revision then, as far as that one member knew. It implies no delivery.
   * @throws WatchError COMPACTED when the revision is gone; FORBIDDEN, UNAUTHENTICATED; TIMEOUT.
   */
  static open(
    connection: Opener,
    target: Target,
    start: Revision,
    signal: AbortSignal,
  ): Promise<{ stream: WatchStream; createdAt: Revision }> {
    return connection.watch(signal, async (call) => {
      const stream = new WatchStream(call, connection.endpoint, signal);
      try {
        call.write({ create_request: { ...rangeOf(target), start_revision: start } });
        const created = await stream.next(ANSWER_MS);
        if (created !== undefined) return { stream, createdAt: created.header.revision };
        throw new WatchError('TIMEOUT', `etcd at ${connection.endpoint} did not create the watch in time.`);
      } catch (error) {
        stream.close();
        throw error;
      }
    });
  }

  /**
   * The next answer, or undefined after `ms` without one.
   * @throws WatchError COMPACTED, ENDED, or what else ended the stream; the signal's reason when aborted.
   */
  async next(ms: number): Promise<WatchAnswer | undefined> {
    for (;;) {
      this.#signal.throwIfAborted();
      const answer: WatchAnswer | null = this.#call.read();
      if (answer !== null) return this.#checked(answer);
      if (this.#failure !== undefined) throw this.#failure;
      if (!(await this.#wokenWithin(ms))) return undefined;
    }
  }

  /** Asks for a progress reply. None comes while the watch still replays. */
  requestProgress(): void {
    this.#call.write({ progress_request: {} });
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#call.cancel();
  }

  #checked(answer: WatchAnswer): WatchAnswer {
    if (!answer.canceled) return answer;
    if (answer.compactRevision !== '0') {
      const oldest = answer.compactRevision;
      throw new WatchError('COMPACTED', `etcd at ${this.#endpoint} is compacted up to revision ${oldest}.`);
    }
    // The server's words for an error, in a reply that is none.
    throw toWatchError(
      Object.assign(new Error('watch cancelled'), { code: CANCELLED, details: answer.cancelReason }),
      this.#endpoint,
    );
  }

  #end(failure: WatchError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  #wokenWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancelTimer = systemTiming.schedule(ms, () => resolve(false));
      this.#wake = () => {
        cancelTimer();
        resolve(true);
      };
    });
  }
}

/** gRPC's status code. */
const CANCELLED = 1;
