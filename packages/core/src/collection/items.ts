import BTreeModule from 'sorted-btree';
import { compareKeys } from '../model/keys.js';

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

  /** These items with the edits made; this very object when none of them changes anything. */
  edited(puts: readonly (readonly [string, T])[], deletes: readonly string[]): Items<T> {
    const before = this.#tree;
    const gone = deletes.filter((key) => before.has(key));
    const changed = puts.filter(([key, item]) => !before.has(key) || !Object.is(before.get(key), item));
    if (gone.length === 0 && changed.length === 0) return this;
    const after = before.clone();
    for (const key of gone) after.delete(key);
    for (const [key, item] of changed) after.set(key, item);
    return new Items(after);
  }
}
