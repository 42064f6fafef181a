import { listBoundary } from '../http/jsonPieces.js';
import type { Pair } from './entries.js';

/** Block sizes for the comparison: a difference is located in a large block, then in smaller ones. */
const BLOCKS = [64 * 1024, 1024, 32, 1];

const COMMA = 0x2c;

/**
 * The body of an answer, an array of items, with each item's entry. The next answer mostly has the same bytes: only
 * items that differ are parsed. The object takes over each new body, so that answers of megabytes leave no garbage of
 * that size.
 */
export class KeptBody {
  readonly #boundary: Buffer;
  #bytes: Buffer;
  #pairs: readonly Pair[];
  /** The offset of each item. */
  #starts: number[];

  private constructor(bytes: Buffer, boundary: Buffer, starts: number[], pairs: readonly Pair[]) {
    this.#bytes = bytes;
    this.#boundary = boundary;
    this.#starts = starts;
    this.#pairs = pairs;
  }

  /** @returns undefined if the items cannot be found one by one, so that each has its pair. */
  static of(bytes: Buffer, pairs: readonly Pair[]): KeptBody | undefined {
    const boundary = listBoundary(bytes);
    if (boundary === undefined || pairs.length === 0) return undefined;
    const starts = [1, ...startsIn(bytes, boundary, 0)];
    return starts.length === pairs.length ? new KeptBody(bytes, boundary, starts, pairs) : undefined;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The entries of the last answer. */
  get pairs(): readonly Pair[] {
    return this.#pairs;
  }

  /** @returns how many bytes of the chunk equal those of this body from `at` on. */
  commonStart(chunk: Buffer, at: number): number {
    const most = Math.min(chunk.length, this.#bytes.length - at);
    let length = 0;
    for (const block of BLOCKS) {
      while (length + block <= most) {
        const from = at + length;
        if (this.#bytes.compare(chunk, length, length + block, from, from + block) !== 0) break;
        length += block;
      }
    }
    return length;
  }

  /**
   * Reads the next body: parses the items that differ, and takes the body over.
   * @param same bytes at its beginning that equal those of this body.
   * @param rest the bytes after them.
   * @param decode the entry of an item; undefined for an item that cannot be decoded.
   * @returns false if the body must be parsed as a whole; then this one stays as it is. Yields after each parsed item.
   * @throws SyntaxError if an item is no JSON: then the body must be parsed as a whole, too.
   */
  *read(
    same: number,
    rest: readonly Buffer[],
    decode: (item: unknown) => Pair | undefined,
  ): Generator<undefined, boolean> {
    const bytes = this.#bytes;
    const starts = this.#starts;
    const length = rest.reduce((sum, chunk) => sum + chunk.length, same);
    if (same === 0 || length < 2) return false;
    const shift = length - bytes.length;
    const sameAtEnd = this.#commonEnd(rest, Math.min(length, bytes.length) - same);
    // Items before `first` lie in the equal beginning, with the comma after them; items from `last` on in the equal
    // end.
    const first = Math.max(0, countBelow(starts, same + 1) - 1);
    const last = Math.max(first, countBelow(starts, bytes.length - sameAtEnd));
    const from = starts[first] as number;
    const lastStart = starts[last];
    // The comma or bracket that ends the changed part, in the old body and in the new one.
    const oldEnd = lastStart === undefined ? bytes.lastIndexOf(']') : lastStart - 1;
    const middle = Buffer.concat([bytes.subarray(from, same), ...cut(rest, oldEnd + shift + 1 - same)]);
    if (from + middle.length !== oldEnd + shift + 1 || middle.at(-1) !== bytes[oldEnd]) return false;
    if (lastStart !== undefined && middle.at(-1) !== COMMA) return false;
    const items = middle.length === 1 ? [] : [0, ...startsIn(middle, this.#boundary, 0)];
    const pairs = this.#pairs.slice(0, first);
    let old = first;
    for (const [i, start] of items.entries()) {
      const end = (items[i + 1] ?? middle.length) - 1;
      const oldItemEnd = old + 1 < starts.length ? (starts[old + 1] as number) - 1 : oldEnd;
      if (old < last && bytes.compare(middle, start, end, starts[old], oldItemEnd) === 0) {
        pairs.push(this.#pairs[old++] as Pair);
        continue;
      }
      const pair = decode(JSON.parse(middle.toString('utf8', start, end)));
      if (pair === undefined) return false;
      pairs.push(pair);
      while (old < last && (this.#pairs[old] as Pair)[0] <= pair[0]) old++;
      yield;
    }
    for (let item = last; item < starts.length; item++) pairs.push(this.#pairs[item] as Pair);
    if (pairs.length === 0) return false;
    this.#pairs = pairs;
    const after = shift === 0 ? starts.slice(last) : starts.slice(last).map((start) => start + shift);
    this.#starts = [...starts.slice(0, first), ...items.map((start) => start + from), ...after];
    if (shift !== 0) this.#bytes = Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(oldEnd + 1)]);
    else middle.copy(bytes, from);
    return true;
  }

  /** Counts the equal bytes at the end of the chunks and of this body. */
  #commonEnd(chunks: readonly Buffer[], most: number): number {
    let length = 0;
    for (let i = chunks.length - 1; i >= 0; i--) {
      const chunk = chunks[i] as Buffer;
      const own = commonEnd(this.#bytes, this.#bytes.length - length, chunk, most - length);
      length += own;
      if (own < chunk.length) break;
    }
    return length;
  }
}

/** Limits the memory of the bodies that all watches of a source keep. */
export class BodyBudget {
  readonly #most: number;
  readonly #kept = new Map<KeptBody, number>();
  #bytes = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns the next body; undefined if there is no room for it. */
  replace(body: KeptBody | undefined, next: KeptBody | undefined): KeptBody | undefined {
    if (body !== undefined) {
      this.#bytes -= this.#kept.get(body) ?? 0;
      this.#kept.delete(body);
    }
    if (next === undefined || this.#bytes + next.bytes.length > this.#most) return undefined;
    this.#kept.set(next, next.bytes.length);
    this.#bytes += next.bytes.length;
    return next;
  }
}

/** The offsets of all items but the first. */
function startsIn(bytes: Buffer, boundary: Buffer, from: number): number[] {
  const starts: number[] = [];
  for (let at = bytes.indexOf(boundary, from); at >= 0; at = bytes.indexOf(boundary, at + 2)) starts.push(at + 2);
  return starts;
}

/** The first bytes of the chunks. */
function cut(chunks: readonly Buffer[], length: number): Buffer[] {
  const taken: Buffer[] = [];
  let left = length;
  for (const chunk of chunks) {
    if (left <= 0) break;
    taken.push(chunk.subarray(0, left));
    left -= chunk.length;
  }
  return taken;
}

/** How many of the ascending numbers are below the limit. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts the equal bytes before `end` and at the end of the chunk, at most `most`. */
function commonEnd(bytes: Buffer, end: number, chunk: Buffer, most: number): number {
  const limit = Math.min(chunk.length, end, most);
  let length = 0;
  for (const block of BLOCKS) {
    while (length + block <= limit) {
      const [to, chunkTo] = [end - length, chunk.length - length];
      if (bytes.compare(chunk, chunkTo - block, chunkTo, to - block, to) !== 0) break;
      length += block;
    }
  }
  return length;
}
