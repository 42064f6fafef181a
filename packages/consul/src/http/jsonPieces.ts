/** The first field of the first object, and the beginning of its value if that is an object, array or string. */
const FIRST_FIELD = /^\[(\{"[A-Za-z0-9_]+":[{["]?)/;
const LONGEST_FIELD_BYTES = 100;

/**
 * What stands between two items of a JSON array of objects, as `},{"Key":"`. Consul writes the fields of all items in
 * one order, so every item begins as the first one does. No string holds this text, because its quotation marks are not
 * escaped. An object inside an item may hold it: only parsing shows that. Undefined if the bytes are no such array.
 */
export function listBoundary(bytes: Buffer): Buffer | undefined {
  const start = FIRST_FIELD.exec(bytes.toString('latin1', 0, LONGEST_FIELD_BYTES))?.[1];
  return start === undefined ? undefined : Buffer.from(`},${start}`);
}

/** The smallest piece, bytes: parsed within a millisecond, and large enough to be worth a parse. */
const PIECE_BYTES = 64 * 1024;

/**
 * Cuts a JSON array of objects into pieces while its bytes arrive, and parses each. Parsing a large body in one go
 * would hold the event loop, and takes twice as long. A cut is tried only at a `listBoundary`, and proven by parsing:
 * if the piece is no JSON, the cut was inside an item, and the rest is parsed as one.
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

  /** Takes the next bytes. @returns the items that are complete now; undefined for none. */
  push(chunk: Buffer): unknown {
    this.#pending.push(chunk);
    this.#bytes += chunk.length;
    if (this.#whole || this.#bytes < PIECE_BYTES) return undefined;
    this.#boundary ??= listBoundary(Buffer.concat(this.#pending));
    // A boundary across two chunks is not found: the piece grows by a chunk.
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

  /** @returns the last items. @throws SyntaxError if they are no JSON. */
  end(): unknown {
    return JSON.parse(this.#opened(Buffer.concat(this.#pending)));
  }

  #opened(bytes: Buffer): string {
    return this.#cut ? `[${bytes}` : bytes.toString();
  }
}
