import type { Entry } from '@rollcall/core';

export type Pair = readonly [key: string, entry: Entry];

/** The entries of the last answer, by key. */
export interface KnownEntries {
  readonly size: number;
  get(key: string): Entry | undefined;
  has(key: string): boolean;
  [Symbol.iterator](): Iterator<Pair>;
}

/** The entries of one answer, in its order. The first lookup by key builds an index. */
export class Pairs implements KnownEntries {
  readonly #pairs: readonly Pair[];
  #byKey: Map<string, Entry> | undefined;

  constructor(pairs: readonly Pair[]) {
    this.#pairs = pairs;
  }

  get size(): number {
    return this.#pairs.length;
  }

  get(key: string): Entry | undefined {
    return this.#index.get(key);
  }

  has(key: string): boolean {
    return this.#index.has(key);
  }

  [Symbol.iterator](): Iterator<Pair> {
    return this.#pairs[Symbol.iterator]();
  }

  get #index(): Map<string, Entry> {
    this.#byKey ??= new Map(this.#pairs);
    return this.#byKey;
  }
}

export const NOTHING: KnownEntries = new Pairs([]);

/** Finds known entries for keys in ascending order, with one comparison a key. */
export class Walk {
  readonly #known: Iterator<Pair>;
  #at: Pair | undefined;

  constructor(known: KnownEntries) {
    this.#known = known[Symbol.iterator]();
    this.#advance();
  }

  /** The known pair of a key; undefined also for a key that comes out of order. */
  find(key: string): Pair | undefined {
    while (this.#at !== undefined && this.#at[0] !== key && this.#at[0] < key) this.#advance();
    const found = this.#at;
    if (found?.[0] !== key) return undefined;
    this.#advance();
    return found;
  }

  #advance(): void {
    const next = this.#known.next();
    this.#at = next.done ? undefined : next.value;
  }
}

/** The known pair if the rule says that the entry is the same; otherwise the given pair. */
export function keep(known: KnownEntries, pair: Pair, same: (known: Entry, entry: Entry) => boolean): Pair {
  const before = known.get(pair[0]);
  return before !== undefined && same(before, pair[1]) ? [pair[0], before] : pair;
}

/** Whether both hold the very same entries, in the same order. */
export function sameEntries(a: KnownEntries, b: KnownEntries): boolean {
  if (a.size !== b.size) return false;
  const others = b[Symbol.iterator]();
  for (const [key, entry] of a) {
    const other = others.next();
    if (other.done || other.value[0] !== key || other.value[1] !== entry) return false;
  }
  return true;
}
