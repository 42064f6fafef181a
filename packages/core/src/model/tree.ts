import { type InspectOptions, inspect } from 'node:util';
import BTreeModule from 'sorted-btree';
import bulkLoadModule from 'sorted-btree/extended/bulkLoad.js';
import diffModule from 'sorted-btree/extended/diffAgainst.js';
import unionModule from 'sorted-btree/extended/union.js';
import { compareKeys } from './keys.js';
import { inspectEntries, valueJson } from './shown.js';
import type { Entry, KeyMap } from './types.js';

const BTree = BTreeModule.default;
type BTree = InstanceType<typeof BTree<string, Entry>>;
const diffAgainst = diffModule.default;
const bulkLoad = bulkLoadModule.bulkLoad;
// Its types know no keys: it takes and gives the trees of one kind.
const union = unionModule.default as unknown as (
  a: BTree,
  b: BTree,
  combine: (key: string, a: Entry, b: Entry) => Entry,
) => BTree;

/** A change of one key: to an entry, or to nothing. */
export type Edit = readonly [key: string, entry: Entry | undefined];

/** Says when long work has held the event loop for long enough, and gives it a turn. */
export interface Breaks {
  readonly isOver: boolean;
  turn(): Promise<void>;
}

/**
 * A persistent sorted map: an edited copy shares every node that the edit did not touch, so each version is a cheap
 * immutable value, and two versions are compared in time that grows with their difference, not with their size.
 */
export class Tree implements KeyMap {
  static readonly EMPTY = new Tree(new BTree<string, Entry>(undefined, compareKeys));
  readonly #tree: BTree;

  /** @param tree nobody else changes it. */
  constructor(tree: BTree) {
    this.#tree = tree;
  }

  /** A tree of these entries; of two with one key the later counts. */
  static of(entries: Iterable<readonly [string, Entry]>): Tree {
    const builder = new KeyMapBuilder();
    for (const [key, entry] of entries) builder.add(key, entry);
    return builder.build();
  }

  /** The same, in slices between which the event loop turns: 500,000 entries would hold it for 0.4 s. */
  static async build(entries: Iterable<readonly [string, Entry]>, slices: Breaks): Promise<Tree> {
    // A backend may have built it while its answers came.
    if (entries instanceof Tree) return entries;
    const builder = new KeyMapBuilder();
    for (const [key, entry] of entries) {
      builder.add(key, entry);
      if (slices.isOver) await slices.turn();
    }
    return builder.build();
  }

  get size(): number {
    return this.#tree.size;
  }

  /** Values as text, or as `{ base64 }`. */
  toJSON(): object {
    return Object.fromEntries([...this].map(([key, { value }]) => [key, valueJson(value)]));
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspectEntries('KeyMap', this, options);
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
    for (const edit of edits) copy = this.#edit(copy, edit);
    return copy === undefined ? this : new Tree(copy);
  }

  /** The same, in slices between which the event loop turns. */
  async editedInSlices(edits: Iterable<Edit>, slices: Breaks): Promise<Tree> {
    let copy: BTree | undefined;
    for (const edit of edits) {
      copy = this.#edit(copy, edit);
      if (slices.isOver) await slices.turn();
    }
    return copy === undefined ? this : new Tree(copy);
  }

  /** @returns the copy, made for the first edit that changes anything. */
  #edit(copy: BTree | undefined, [key, entry]: Edit): BTree | undefined {
    if ((copy ?? this.#tree).get(key) === entry) return copy;
    const edited = copy ?? this.#tree.clone();
    if (entry === undefined) edited.delete(key);
    else edited.set(key, entry);
    return edited;
  }

  /** Whether both hold the very same entry objects. */
  equals(other: Tree): boolean {
    if (this === other) return true;
    const stop = (): { break: boolean } => ({ break: true });
    return diffAgainst<string, Entry, boolean>(this.#tree, other.#tree, stop, stop, stop) === undefined;
  }

  /** Whether any key's entry objects differ, and the rule says so. */
  some(after: Tree, differs: (before: Entry | undefined, after: Entry | undefined) => boolean): boolean {
    if (this === after) return false;
    const stopIf = (yes: boolean): { break: boolean } | undefined => (yes ? { break: true } : undefined);
    const stopped = diffAgainst<string, Entry, boolean>(
      this.#tree,
      after.#tree,
      (_, before) => stopIf(differs(before, undefined)),
      (_, entry) => stopIf(differs(undefined, entry)),
      (_, before, entry) => stopIf(differs(before, entry)),
    );
    return stopped !== undefined;
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

/** So many entries become a tree at once: about 1 ms. */
const CHUNK = 8_192;

/**
 * Builds a map of entries that come in key order, as backends list them: chunk by chunk, joined without a copy. What comes
 * out of order is put in its place; of two entries with one key the later counts.
 */
export class KeyMapBuilder {
  #tree: BTree = new BTree<string, Entry>(undefined, compareKeys);
  #keys: string[] = [];
  #values: Entry[] = [];
  #last: string | undefined;

  add(key: string, entry: Entry): void {
    if (this.#last !== undefined && compareKeys(this.#last, key) >= 0) {
      // Out of order: keys beyond U+FFFF, of which a backend has another order, or a key that is told twice.
      this.#flush();
      this.#tree.set(key, entry);
      return;
    }
    this.#last = key;
    this.#keys.push(key);
    this.#values.push(entry);
    if (this.#keys.length >= CHUNK) this.#flush();
  }

  /** The map; nothing may be added after. */
  build(): Tree {
    this.#flush();
    return new Tree(this.#tree);
  }

  #flush(): void {
    if (this.#keys.length === 0) return;
    const chunk = bulkLoad(this.#keys, this.#values, 32, compareKeys) as BTree;
    this.#tree = this.#tree.size === 0 ? chunk : union(this.#tree, chunk, (_key, _old, entry) => entry);
    this.#keys = [];
    this.#values = [];
  }
}
