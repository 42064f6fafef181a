/** The name of the first field of the first object, and what its value begins with, if that is no scalar. */
const FIRST_FIELD = /^\[(\{"[A-Za-z0-9_]+":[{["]?)/;
const LONGEST_FIELD_BYTES = 100;

/**
 * What stands between two items of a JSON array of objects, as `},{"Key":"`: Consul writes the fields of all items in one
 * order, so each begins as the first does. Its quotation marks are not escaped, so no string holds it; an object inside
 * an item may, which only parsing shows. Undefined for anything else than such an array.
 */
export function listBoundary(bytes: Buffer): Buffer | undefined {
  const start = FIRST_FIELD.exec(bytes.toString('latin1', 0, LONGEST_FIELD_BYTES))?.[1];
  return start === undefined ? undefined : Buffer.from(`},${start}`);
}

/** A piece is at least this long: small enough to parse within a millisecond, large enough to be worth a parse. */
const PIECE_BYTES = 64 * 1024;

/**
 * Cuts a JSON array of objects into arrays of some of them while its bytes arrive, and parses each: to parse a large
 * body at once would block the event loop, and takes twice as long. A cut is only tried at a `listBoundary`, and proven by
 * parsing: if the piece is no JSON, the cut was inside an item, and the rest is parsed whole.
 */
export class JsonPieces {
  #boundary: Buffer | undefined;
  #pending: Buffer[] = [];
  #bytes = 0;
  #cut = false;
  #whole: boolean;

  /** @param isList whether the JSON is an array of objects; anything else is parsed whole. */
  constructor(isList: boolean) {
    this.#whole = !isList;
  }

  /** Takes the next bytes. @returns an array of the items that are complete by then; undefined for none so far. */
  push(chunk: Buffer): unknown {
    this.#pending.push(chunk);
    this.#bytes += chunk.length;
    if (this.#whole || this.#bytes < PIECE_BYTES) return undefined;
    this.#boundary ??= listBoundary(Buffer.concat(this.#pending));
    // A boundary that two chunks share is not seen: the piece grows by a chunk.
    const at = this.#boundary === undefined ? -1 : chunk.lastIndexOf(this.#boundary);
    if (at < 0) return undefined;
    const head = Buffer.concat([...this.#pending.slice(0, -1), chunk.subarray(0, at + 1)]);
    try {
      const piece: unknown = JSON.parse(this.#opened(head).concat(']'));
      this.#pending = [chunk.subarray(at + 2)];
      this.#bytes = chunk.length - at - 2;
      this.#cut = true;
      return piece;
    } catch {
      this.#whole = true;
      return undefined;
    }
  }

  /** @returns what is left: the last items, or all there is when nothing was cut. @throws SyntaxError if it is no JSON. */
  end(): unknown {
    return JSON.parse(this.#opened(Buffer.concat(this.#pending)));
  }

  #opened(bytes: Buffer): string {
    return this.#cut ? `[${bytes}` : bytes.toString();
  }
}
