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
// The library's types do not name the keys and values of a tree.
const union = unionModule.default as unknown as (
  a: BTree,
  b: BTree,
  combine: (key: string, a: Entry, b: Entry) => Entry,
) => BTree;

/** One key's new entry; undefined deletes the key. */
export type Edit = readonly [key: string, entry: Entry | undefined];

/** Says when work has held the event loop long enough, and lets it turn. */
export interface Breaks {
  readonly isOver: boolean;
  turn(): Promise<void>;
}

/**
 * A persistent sorted map. An edited copy shares every node that the edit did not touch, so each version is a cheap
 * immutable value. The time to compare two versions grows with their difference, and not with their size.
 */
export class Tree implements KeyMap {
  static readonly EMPTY = new Tree(new BTree<string, Entry>(undefined, compareKeys));
  readonly #tree: BTree;

  /** @param tree must not be changed by anybody else. */
  constructor(tree: BTree) {
    this.#tree = tree;
  }

  /** Makes a tree of entries. If a key comes twice, its later entry counts. */
  static of(entries: Iterable<readonly [string, Entry]>): Tree {
    const builder = new KeyMapBuilder();
    for (const [key, entry] of entries) builder.add(key, entry);
    return builder.build();
  }

  /** As `of`, in slices between which the event loop turns: 500,000 entries in one go take 0.4 s. */
  static async build(entries: Iterable<readonly [string, Entry]>, slices: Breaks): Promise<Tree> {
    // The adapter may have built the tree while its answers came.
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

  /** Starts an edited copy of this tree. */
  editor(): TreeEditor {
    return new TreeEditor(this, this.#tree);
  }

  /** An edited copy, made in slices between which the event loop turns. */
  async editedInSlices(edits: Iterable<Edit>, slices: Breaks): Promise<Tree> {
    const editor = this.editor();
    for (const [key, entry] of edits) {
      if (editor.get(key) !== entry) editor.set(key, entry);
      if (slices.isOver) await slices.turn();
    }
    return editor.finish();
  }

  /** Whether both trees hold the very same entry objects. */
  equals(other: Tree): boolean {
    if (this === other) return true;
    const stop = (): { break: boolean } => ({ break: true });
    return diffAgainst<string, Entry, boolean>(this.#tree, other.#tree, stop, stop, stop) === undefined;
  }

  /** Whether the rule finds a difference in any key whose entry objects differ. */
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

  /** Calls back, in key order, for each key whose entry object differs between the trees. */
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

/** Makes an edited copy of a tree. */
export class TreeEditor {
  readonly #before: Tree;
  #tree: BTree;
  #isCopy = false;

  constructor(before: Tree, tree: BTree) {
    this.#before = before;
    this.#tree = tree;
  }

  /** The entry as edited so far. */
  get(key: string): Entry | undefined {
    return this.#tree.get(key);
  }

  /** @param entry undefined deletes the key. */
  set(key: string, entry: Entry | undefined): void {
    if (!this.#isCopy) this.#tree = this.#tree.clone();
    this.#isCopy = true;
    if (entry === undefined) this.#tree.delete(key);
    else this.#tree.set(key, entry);
  }

  /** The edited tree; the original one if nothing was set. */
  finish(): Tree {
    return this.#isCopy ? new Tree(this.#tree) : this.#before;
  }
}

/** Entries that become a tree in one go: about 1 ms. */
const CHUNK = 8_192;

/**
 * Builds a map of entries that come in key order, as backends list them: in chunks, which are joined without a copy. A
 * key out of order is put in its place. If a key comes twice, its later entry counts.
 */
export class KeyMapBuilder {
  #tree: BTree = new BTree<string, Entry>(undefined, compareKeys);
  #keys: string[] = [];
  #values: Entry[] = [];
  #last: string | undefined;

  add(key: string, entry: Entry): void {
    if (this.#last !== undefined && compareKeys(this.#last, key) >= 0) {
      // Out of order: keys beyond U+FFFF, which a backend orders by bytes, or a key that comes twice.
      this.#flush();
      this.#tree.set(key, entry);
      return;
    }
    this.#last = key;
    this.#keys.push(key);
    this.#values.push(entry);
    if (this.#keys.length >= CHUNK) this.#flush();
  }

  /** Returns the map. Nothing may be added afterwards. */
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
