import {
  type Entry,
  type KeyMap,
  type Logger,
  type Revision,
  systemTiming,
  type Timing,
  WatchError,
} from '@rollcall/core';
import type { Source, Target, Update } from '@rollcall/core/adapter';
import { untilAborted } from '@rollcall/core/internal';
import { entriesOf } from './entries.js';
import { contentOf, readSettled, singleRead } from './read.js';
import { FileRevisions } from './revisions.js';
import { FileWatch } from './watch.js';
import { FileWriter } from './writer.js';

/** A document or a folder as the core sees it. Nothing is open while nobody watches, reads or writes. */
export class FileSource implements Source {
  readonly supports = { resume: false, deltas: false, history: false };
  /** A file that does not change is silent, and that is no sign of anything. */
  readonly maxSilenceMs = Number.POSITIVE_INFINITY;
  readonly write: FileWriter;
  readonly #path: string;
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #revisions = new FileRevisions();
  readonly #watches = new Set<FileWatch>();

  /** @param path absolute. */
  constructor(path: string, logger: Logger, timing: Timing = systemTiming) {
    this.#path = path;
    this.#logger = logger;
    this.#timing = timing;
    this.write = new FileWriter(path, this.#revisions);
  }

  watch(target: Target, options: { readonly signal: AbortSignal; readonly held?: KeyMap }): AsyncIterable<Update> {
    return { [Symbol.asyncIterator]: () => this.#follow(target, options) };
  }

  /** @throws WatchError UNREADABLE, FORBIDDEN; UNSUPPORTED for a past revision; the signal's reason when aborted. */
  async read(
    target: Target,
    options: { readonly signal: AbortSignal; readonly at?: Revision },
  ): Promise<{ revision: Revision; entries: Iterable<readonly [string, Entry]> }> {
    if (options.at !== undefined) {
      throw new WatchError('UNSUPPORTED', 'A file has no history; read it without a revision.');
    }
    let revision = '';
    const reading = readSettled(this.#path, singleRead(options.signal), (look) => {
      revision = this.#revisions.next();
      return contentOf(this.#path, look);
    });
    const { result } = await untilAborted(reading, options.signal);
    if (result instanceof WatchError) throw result;
    return { revision, entries: entriesOf(result, target) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of [...this.#watches]) watch.close();
    await this.write.close();
  }

  #follow(target: Target, { signal, held }: { signal: AbortSignal; held?: KeyMap }): FileWatch {
    const watch: FileWatch = new FileWatch({
      path: this.#path,
      target,
      signal,
      held,
      logger: this.#logger,
      timing: this.#timing,
      nextRevision: this.#revisions.next,
      onEnd: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    if (signal.aborted) watch.close();
    return watch;
  }
}
