import BTreeModule from 'sorted-btree';
import { compareKeys } from '../model/keys.js';
import type { Breaks } from '../model/tree.js';
import { sameData } from './sameData.js';

const BTree = BTreeModule.default;
type BTree<V> = InstanceType<typeof BTree<string, V>>;

/** Items by key. Immutable, in key order. */
export interface ItemMap<T> extends Iterable<[string, T]> {
  readonly size: number;
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
}

/** A persistent map. An edited copy shares what the edit did not touch, so a version is cheap at any size. */
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
   * An edited copy, made in slices between which the event loop turns; the same object if no edit changes anything. An
   * item with the same data as before keeps its object. No key may be in both `puts` and `deletes`.
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
