import { type InspectOptions, inspect } from 'node:util';
import { valueJson } from './shown.js';
import type { Entry } from './types.js';

/** A revision up to 2^53 as a number, a larger one as a BigInt: exact, and without the memory of its decimal text. */
export type WholeNumber = number | bigint;

/**
 * An entry that shares a block of bytes with its neighbours. With a `Uint8Array` and two decimal texts of its own for each
 * entry, 100,000 of them take 60 MB more: V8 keeps every array of more than 64 bytes outside the heap, by itself.
 */
export class PackedEntry implements Entry {
  readonly #block: Uint8Array;
  readonly #at: number;
  readonly #length: number;
  readonly #revision: WholeNumber;
  readonly #createRevision: WholeNumber;
  #value: Uint8Array | undefined;

  /**
   * @param block holds the value from `at` on. It is kept for as long as the entry is: some 64 KiB shared by neighbours.
   */
  constructor(block: Uint8Array, at: number, length: number, revision: WholeNumber, createRevision: WholeNumber) {
    this.#block = block;
    this.#at = at;
    this.#length = length;
    this.#revision = revision;
    this.#createRevision = createRevision;
  }

  /** Whether both were written, and created, at the same revisions: without making texts of them. */
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
