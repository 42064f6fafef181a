import { type InspectOptions, inspect } from 'node:util';
import { valueJson } from './shown.js';
import type { Entry } from './types.js';

/** A revision: a number up to 2^53, a BigInt above. Exact, and smaller than the decimal text. */
export type WholeNumber = number | bigint;

/**
 * An entry whose value is a part of a block of bytes that it shares with its neighbours. With a `Uint8Array` and two
 * decimal texts for each entry, 100,000 entries take 60 MB more: V8 allocates every array of more than 64 bytes outside
 * the heap.
 */
export class PackedEntry implements Entry {
  readonly #block: Uint8Array;
  readonly #at: number;
  readonly #length: number;
  readonly #revision: WholeNumber;
  readonly #createRevision: WholeNumber;
  #value: Uint8Array | undefined;

  /** @param block holds the value, from `at` on. Some 64 KiB, kept in memory as long as any of its entries. */
  constructor(block: Uint8Array, at: number, length: number, revision: WholeNumber, createRevision: WholeNumber) {
    this.#block = block;
    this.#at = at;
    this.#length = length;
    this.#revision = revision;
    this.#createRevision = createRevision;
  }

  /** Whether both entries have the same revision and createRevision, without making texts of them. */
  static sameRevisions(a: PackedEntry, b: PackedEntry): boolean {
    return a.#revision === b.#revision && a.#createRevision === b.#createRevision;
  }

  get value(): Uint8Array {
    this.#value ??= new Uint8Array(this.#block.buffer, this.#block.byteOffset + this.#at, this.#length);
    return this.#value;
  }

  get revision(): string {
    return String(this.#revision);
  }

  get createRevision(): string {
    return String(this.#createRevision);
  }

  toJSON(): object {
    return { value: valueJson(this.value), revision: this.revision, createRevision: this.createRevision };
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { value, revision, createRevision } = this;
    return `Entry ${inspect({ value, revision, createRevision }, options)}`;
  }
}
