import BTreeModule from 'sorted-btree';
import { compareKeys } from '../model/keys.js';
import type { Breaks } from '../model/tree.js';
import { sameData } from './sameData.js';

const BTree = BTreeModule.default;
type BTree<V> = InstanceType<typeof BTree<string, V>>;

/** Immutable, in key order. */
export interface ItemMap<T> extends Iterable<[string, T]> {
  readonly size: number;
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
}

/** A persistent map: an edited copy shares what the edit did not touch, so each version is cheap, whatever its size. */
export class Items<T> implements ItemMap<T> {
  readonly #tree: BTree<T>;

  private constructor(tree: BTree<T>) {
    this.#tree = tree;
  }

  static empty<T>(): Items<T> {
    return new Items(new BTree<string, T>(undefined, compareKeys));
  }

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): T | undefined {
    return this.#tree.get(key);
  }

  has(key: string): boolean {
    return this.#tree.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#tree.keys();
  }

  values(): IterableIterator<T> {
    return this.#tree.values();
  }

  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.#tree.entries();
  }

  /**
   * These items with the edits made, in slices between which the event loop turns; this very object when no edit changes
   * anything. An item that is the same data as the one before it does not take its place.
   */
  async edited(puts: readonly (readonly [string, T])[], deletes: readonly string[], slices: Breaks): Promise<Items<T>> {
    let after: BTree<T> | undefined;
    for (const key of deletes) {
      if (this.#tree.has(key)) {
        after ??= this.#tree.clone();
        after.delete(key);
      }
      if (slices.isOver) await slices.turn();
    }
    for (const [key, item] of puts) {
      if (!this.#tree.has(key) || !sameData(this.#tree.get(key), item)) {
        after ??= this.#tree.clone();
        after.set(key, item);
      }
      if (slices.isOver) await slices.turn();
    }
    return after === undefined ? this : new Items(after);
  }
}
