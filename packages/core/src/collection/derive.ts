import { guardedLogger, type Logger } from '../runtime/logger.js';
import type { Collection } from './collection.js';
import type { ItemMap } from './items.js';

export interface DeriveOptions {
  /** Gets a line for each failed build. Default: silent. */
  readonly logger?: Logger;
  /** Called with what a build threw. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

/** One value built from several collections, such as a router from routes, services and upstreams. */
export interface Derived<T> {
  /**
   * The value for the present versions. The first call after a change builds it; other calls wait for that build. It is
   * built at most once for each combination of versions. If a build fails, the last good value is returned. Waits for
   * the first version of each collection.
   * @throws what the build threw, if there is no good value yet; what `Collection.ready` throws.
   */
  get(options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<T>;
  /** The last good value. Builds nothing. */
  readonly value: T | undefined;
  /** What the last build threw; undefined if it succeeded. */
  readonly error: unknown;
}

type ItemsOf<S extends readonly unknown[]> = { [I in keyof S]: S[I] extends Collection<infer T> ? ItemMap<T> : never };

/**
 * Derives one value from collections. Collections of one watcher change together, so a build sees them at one state of
 * the backend. It needs no close.
 * @param build gets the items of each collection, in order.
 */
export function derive<const S extends readonly Collection<unknown>[], T>(
  collections: S,
  build: (...items: ItemsOf<S>) => T | PromiseLike<T>,
  options: DeriveOptions = {},
): Derived<T> {
  return new DerivedValue(collections, build as (...items: ItemMap<unknown>[]) => T | PromiseLike<T>, options);
}

class DerivedValue<T> implements Derived<T> {
  readonly #collections: readonly Collection<unknown>[];
  readonly #build: (...items: ItemMap<unknown>[]) => T | PromiseLike<T>;
  readonly #logger: Logger;
  readonly #onError: ((error: unknown) => void) | undefined;
  #good: { readonly value: T } | undefined;
  #error: unknown;
  /** The items of the last build. */
  #builtOf: readonly ItemMap<unknown>[] = [];
  /** Resolves at the end of the running build, failed or not. */
  #building: Promise<void> | undefined;

  constructor(
    collections: readonly Collection<unknown>[],
    build: (...items: ItemMap<unknown>[]) => T | PromiseLike<T>,
    { logger, onError }: DeriveOptions,
  ) {
    this.#collections = collections;
    this.#build = build;
    this.#logger = guardedLogger(logger);
    this.#onError = onError;
  }

  get value(): T | undefined {
    return this.#good?.value;
  }

  get error(): unknown {
    return this.#error;
  }

  async get(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<T> {
    if (!this.#collections.every(({ version }) => version > 0)) {
      await Promise.all(this.#collections.map((collection) => collection.ready(options)));
    }
    // The running build may have older versions; the next one has the present ones.
    const isEnough = this.#isCurrent;
    if (this.#building !== undefined) await this.#building;
    if (!isEnough) await this.#builtAfter();
    if (this.#good === undefined) throw this.#error;
    return this.#good.value;
  }

  #builtAfter(): Promise<void> | undefined {
    if (this.#building === undefined && !this.#isCurrent) {
      this.#building = this.#rebuild().finally(() => {
        this.#building = undefined;
      });
    }
    return this.#building;
  }

  get #isCurrent(): boolean {
    return (
      this.#builtOf.length === this.#collections.length &&
      this.#collections.every(({ items }, i) => items === this.#builtOf[i])
    );
  }

  async #rebuild(): Promise<void> {
    this.#builtOf = this.#collections.map(({ items }) => items);
    try {
      this.#good = { value: await this.#build(...this.#builtOf) };
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
      this.#logger.error({ err: error }, 'A derived value could not be built; the last good one stays.');
      this.#onError?.(error);
    }
  }
}
