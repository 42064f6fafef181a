import { WatchError } from '../model/errors.js';
import type { Logger } from '../runtime/logger.js';
import type { ItemMap } from './items.js';

/** An object that was built from one item. */
export interface Built<B> {
  readonly value: B;
  /**
   * Prevents the disposal of `value` until the returned function is called, for instance while a request uses it. An
   * object whose item has just changed can still be taken into use in the same turn of the event loop.
   * @throws WatchError CLOSED if it was disposed of before.
   */
  use(): () => void;
}

/** One object for each item of a collection: see `Collection.each`. */
export interface BuiltMap<B> extends AsyncDisposable {
  /**
   * The object of the key's present item, built at the first call; undefined if there is no item, or after `close()`.
   * @throws what `build` throws; the next call tries again.
   */
  get(key: string): Built<B> | undefined;
  /**
   * Retires all objects and builds no more. It does not wait for the disposals: each object is disposed of in a later
   * turn of the event loop, once nobody uses it. Idempotent.
   */
  close(): Promise<void>;
}

export interface Building<T, B> {
  items(): ItemMap<T>;
  build(item: T, key: string): B;
  dispose?(built: B, key: string): void | PromiseLike<void>;
  readonly logger: Logger;
  /** Called once, at close. */
  onClose(): void;
}

export class BuiltItems<T, B> implements BuiltMap<B> {
  readonly #building: Building<T, B>;
  readonly #objects = new Map<string, BuiltItem<T, B>>();
  #closed = false;

  constructor(building: Building<T, B>) {
    this.#building = building;
  }

  get(key: string): Built<B> | undefined {
    const { items, build, logger, dispose } = this.#building;
    const all = items();
    const item = all.get(key);
    if (this.#closed || item === undefined) return undefined;
    const before = this.#objects.get(key);
    if (before !== undefined) return before;
    const value = build(item, key);
    const object = new BuiltItem<T, B>(item, value, async () => {
      try {
        await dispose?.(value, key);
      } catch (error) {
        logger.error({ err: error, key }, 'What was built of an item could not be disposed of.');
      }
    });
    this.#objects.set(key, object);
    return object;
  }

  /** Called when the items of these keys may have changed. */
  update(keys: Iterable<string>): void {
    const items = this.#building.items();
    for (const key of keys) {
      const object = this.#objects.get(key);
      if (object === undefined || object.item === items.get(key)) continue;
      this.#objects.delete(key);
      object.retire();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#building.onClose();
    const objects = [...this.#objects.values()];
    this.#objects.clear();
    for (const object of objects) object.retire();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class BuiltItem<T, B> implements Built<B> {
  readonly item: T;
  readonly value: B;
  readonly #dispose: () => Promise<void>;
  #users = 0;
  #state: 'current' | 'retired' | 'disposed' = 'current';

  constructor(item: T, value: B, dispose: () => Promise<void>) {
    this.item = item;
    this.value = value;
    this.#dispose = dispose;
  }

  use(): () => void {
    if (this.#state === 'disposed') {
      throw new WatchError('CLOSED', 'This object is disposed of: its item has changed or gone. Get the present one.');
    }
    this.#users++;
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#users--;
      this.#disposeIfFree();
    };
  }

  /**
   * The item has changed or gone. Callers that got the object in this turn of the event loop may still begin to use it.
   */
  retire(): void {
    setImmediate(() => {
      this.#state = 'retired';
      this.#disposeIfFree();
    });
  }

  #disposeIfFree(): void {
    if (this.#state !== 'retired' || this.#users > 0) return;
    this.#state = 'disposed';
    void this.#dispose();
  }
}
