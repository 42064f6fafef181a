import { type Logger, systemTiming, type Timing, WatchError } from '@rollcall/core';
import type { AttemptOptions, FullRead, FullReadOptions, Source, Target, Update } from '@rollcall/core/adapter';
import { LinkedAbort } from '@rollcall/core/internal';
import { entriesOf } from './entries.js';
import { contentOf, readSettled, singleRead } from './read.js';
import { FileRevisions } from './revisions.js';
import { watchFile } from './watch.js';
import { FileWriter } from './writer.js';

/** A document or a folder as a source. Nothing is open unless a watch, read or write is running. */
export class FileSource implements Source {
  readonly supports = { resume: false, deltas: false, history: false };
  /** A file that does not change is silent, which means nothing. */
  readonly maxSilenceMs = Number.POSITIVE_INFINITY;
  readonly write: FileWriter;
  readonly #path: string;
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #revisions = new FileRevisions();
  readonly #closed = new AbortController();

  /** @param path absolute. */
  constructor(path: string, logger: Logger, timing: Timing = systemTiming) {
    this.#path = path;
    this.#logger = logger;
    this.#timing = timing;
    this.write = new FileWriter(path, this.#revisions);
  }

  async *watch(target: Target, { signal, held }: AttemptOptions): AsyncGenerator<Update> {
    using end = new LinkedAbort(signal, this.#closed.signal);
    yield* watchFile({
      path: this.#path,
      target,
      signal: end.signal,
      held,
      logger: this.#logger,
      timing: this.#timing,
      nextRevision: this.#revisions.next,
    });
  }

  /** @throws WatchError UNREADABLE, FORBIDDEN; the signal's reason when aborted. */
  async read(target: Target, options: FullReadOptions): Promise<FullRead> {
    let revision = '';
    const { result } = await readSettled(this.#path, singleRead(options.signal), (look) => {
      revision = this.#revisions.next();
      return contentOf(this.#path, look);
    });
    if (result instanceof WatchError) throw result;
    return { revision, entries: entriesOf(result, target) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new WatchError('CLOSED', 'The file source was closed.'));
    await this.write.close();
  }
}
