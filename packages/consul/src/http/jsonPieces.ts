/** A piece is at least this long: small enough to parse within a millisecond, large enough to be worth a parse. */
const PIECE_BYTES = 64 * 1024;

/**
 * Cuts a JSON array of objects into arrays of some of them while its bytes arrive, and parses each: to parse a large
 * body at once would block the event loop, and takes twice as long. A cut is only tried where the boundary says, and
 * proven by parsing: if the piece is no JSON, that was the inside of an item, and the rest is parsed whole.
 */
export class JsonPieces {
  readonly #boundary: Buffer | undefined;
  #pending: Buffer[] = [];
  #bytes = 0;
  #cut = false;
  #whole: boolean;

  /** @param boundary the end of an object, a comma, and the beginning of the next: `},{"Key":`. */
  constructor(boundary: string | undefined) {
    this.#boundary = boundary === undefined ? undefined : Buffer.from(boundary);
    this.#whole = boundary === undefined;
  }

  /** Takes the next bytes. @returns an array of the items that are complete by then; undefined for none so far. */
  push(chunk: Buffer): unknown {
    this.#pending.push(chunk);
    this.#bytes += chunk.length;
    if (this.#whole || this.#bytes < PIECE_BYTES) return undefined;
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
