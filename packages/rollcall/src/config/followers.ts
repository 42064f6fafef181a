import { type Logger, type Timing, WatchError, type Watcher, type WatchOptions } from '@rollcall/core';
import { redactUrl } from '@rollcall/core/adapter';
import type { NamedWatch, NamedWatches } from './config.js';

interface NamedFollower {
  readonly name: string;
  readonly watcher: Watcher;
  /** Options of the watch call, which count before the configuration. */
  readonly options: WatchOptions;
  /**
   * The present definition, or the one that it moves to; undefined after a failed move, so that the next reload tries
   * again.
   */
  definition: string | undefined;
}

/** If a new source has not answered after this time, ms, a warning says that the old one is still used. */
const PATIENCE_MS = 5_000;

/** The open watches with a name, which follow the configuration. */
export class Followers {
  readonly #logger: Logger;
  readonly #timing: Pick<Timing, 'schedule'>;
  readonly #followers = new Set<NamedFollower>();

  constructor(logger: Logger, timing: Pick<Timing, 'schedule'>) {
    this.#logger = logger;
    this.#timing = timing;
  }

  add(name: string, definition: NamedWatch, watcher: Watcher, options: WatchOptions): void {
    // `since` is a revision of the first backend, so it does not move along.
    const { since: _, ...lasting } = options;
    const follower: NamedFollower = { name, watcher, options: lasting, definition: textOf(definition) };
    this.#followers.add(follower);
    watcher.onStatus(({ state }) => {
      if (state === 'closed') this.#followers.delete(follower);
    });
  }

  /**
   * Starts to move every watch whose definition has changed. The old state stays until the new backend answers; a later
   * edit replaces the move.
   */
  follow(watches: NamedWatches): void {
    for (const follower of this.#followers) {
      const definition = watches.get(follower.name);
      if (definition === undefined) this.#keep(follower);
      else if (textOf(definition) !== follower.definition) void this.#move(follower, definition);
    }
  }

  #keep({ name }: NamedFollower): void {
    this.#logger.warn({ name }, `"${name}" is no longer in the configuration; its open watch stays where it is.`);
  }

  async #move(follower: NamedFollower, definition: NamedWatch): Promise<void> {
    const { name, watcher, options } = follower;
    const fields = { name, source: redactUrl(definition.url) };
    const target = textOf(definition);
    follower.definition = target;
    this.#logger.info(fields, `The source of "${name}" has changed; moving as soon as the new one answers.`);
    const cancel = this.#timing.schedule(PATIENCE_MS, () => {
      const late = `The new source of "${name}" has not answered for ${PATIENCE_MS / 1000} s`;
      this.#logger.warn(fields, `${late}; the old one stays in use until it does.`);
    });
    try {
      await watcher.swap(name, options);
      this.#logger.info(fields, `"${name}" has moved.`);
    } catch (thrown) {
      // No error: another edit came first, or the watch was closed.
      if (follower.definition !== target || watcher.status.state === 'closed') return;
      follower.definition = undefined;
      const error = WatchError.from(thrown);
      this.#logger.error({ ...fields, code: error.code }, `"${name}" stays where it was: ${error.message}`);
    } finally {
      cancel();
    }
  }
}

/** A text that is equal for definitions with the same URL, prefix, checkpoint, credentials and certificates. */
function textOf({ url, prefix, checkpoint, connect }: NamedWatch): string {
  return JSON.stringify([url, prefix, checkpoint, connect]);
}
