import BTreeModule from 'sorted-btree';
import bulkLoadModule from 'sorted-btree/extended/bulkLoad.js';
import diffModule from 'sorted-btree/extended/diffAgainst.js';
import { compareKeys } from './keys.js';
import type { Entry, KeyMap } from './types.js';

const BTree = BTreeModule.default;
type BTree = InstanceType<typeof BTree<string, Entry>>;
const diffAgainst = diffModule.default;
const bulkLoad = bulkLoadModule.bulkLoad;

/** A change of one key: to an entry, or to nothing. */
export type Edit = readonly [key: string, entry: Entry | undefined];

/**
 * A persistent sorted map: an edited copy shares every node that the edit did not touch, so each version is a cheap
 * immutable value, and two versions are compared in time that grows with their difference, not with their size.
 */
export class Tree implements KeyMap {
  static readonly EMPTY = new Tree(new BTree<string, Entry>(undefined, compareKeys));
  readonly #tree: BTree;

  private constructor(tree: BTree) {
    this.#tree = tree;
  }

  /** A tree of these entries; of two with one key the later counts. */
  static of(entries: Iterable<readonly [string, Entry]>): Tree {
    const sorted = [...new Map(entries as Iterable<[string, Entry]>)].sort(([a], [b]) => compareKeys(a, b));
    if (sorted.length === 0) return Tree.EMPTY;
    const keys = sorted.map(([key]) => key);
    const values = sorted.map(([, entry]) => entry);
    return new Tree(bulkLoad(keys, values, 32, compareKeys) as BTree);
  }

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): Entry | undefined {
    return this.#tree.get(key);
  }

  has(key: string): boolean {
    return this.#tree.has(key);
  }

  [Symbol.iterator](): Iterator<[string, Entry]> {
    return this.#tree.entries();
  }

  *range(from: string, to: string): Iterable<[string, Entry]> {
    for (const pair of this.#tree.entries(from)) {
      if (pair[0] >= to) return;
      yield pair;
    }
  }

  /** This tree with the edits made; this very tree when none of them changes anything. */
  edited(edits: Iterable<Edit>): Tree {
    let copy: BTree | undefined;
    for (const [key, entry] of edits) {
      if ((copy ?? this.#tree).get(key) === entry) continue;
      copy ??= this.#tree.clone();
      if (entry === undefined) copy.delete(key);
      else copy.set(key, entry);
    }
    return copy === undefined ? this : new Tree(copy);
  }

  /** Whether both hold the very same entry objects. */
  equals(other: Tree): boolean {
    if (this === other) return true;
    const stop = (): { break: boolean } => ({ break: true });
    return diffAgainst<string, Entry, boolean>(this.#tree, other.#tree, stop, stop, stop) === undefined;
  }

  /** Calls back, in key order, for each key whose entry object is not the same in the other tree. */
  differences(after: Tree, visit: (key: string, before: Entry | undefined, after: Entry | undefined) => void): void {
    if (this === after) return;
    diffAgainst<string, Entry, void>(
      this.#tree,
      after.#tree,
      (key, before) => visit(key, before, undefined),
      (key, entry) => visit(key, undefined, entry),
      (key, before, entry) => visit(key, before, entry),
    );
  }
}
