import type { WholeNumber } from '@rollcall/core/internal';

/** 64 bits, 7 a byte. Without this end, 160 bytes of 0x80 are read as one number, and 1 MB of them holds the loop. */
const VARINT_BYTES = 10;

/** The bytes are no message of protobuf's. */
export class WireError extends RangeError {}

/**
 * Reads the protobuf wire format (https://protobuf.dev/programming-guides/encoding/), as much of it as etcd's answers
 * use. One reader goes through a message and all that is embedded in it, and makes no objects. Reading only the fields
 * that are needed takes about half the time of the general decoder.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at: number;
  /** Of the message that is being read. */
  #end: number;
  #wireType = 0;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** Where the next byte is. */
  get at(): number {
    return this.#at;
  }

  moveTo(at: number): void {
    this.#at = at;
  }

  /** Where the message that is being read ends. */
  get end(): number {
    return this.#end;
  }

  /** The next field's number, or undefined at the end of the message. Its value must then be read or skipped. */
  next(): number | undefined {
    if (this.#at >= this.#end) return undefined;
    const tag = this.number();
    this.#wireType = tag & 7;
    return tag >>> 3;
  }

  /** Begins to read an embedded message. @returns what `leave` takes when it is read to its end. */
  enter(): number {
    const length = this.number();
    const outer = this.#end;
    this.#end = this.#after(length);
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  /** Passes over bytes or an embedded message. @returns how long they are; they end at `at`. */
  pass(): number {
    const length = this.number();
    this.#at = this.#after(length);
    return length;
  }

  /** A varint that is known to be small: an enum, a bool, a length. */
  number(): number {
    let value = 0;
    let scale = 1;
    for (let bytes = 0; bytes < VARINT_BYTES; bytes++, scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw endless();
  }

  bool(): boolean {
    return this.number() !== 0;
  }

  /** A signed 64-bit integer. */
  int64(): WholeNumber {
    const value = this.#integer();
    return typeof value === 'number' ? value : compact(BigInt.asIntN(64, value));
  }

  /** An unsigned 64-bit integer. */
  uint64(): WholeNumber {
    const value = this.#integer();
    return typeof value === 'number' ? value : compact(value);
  }

  /** A view, not a copy: who keeps it keeps the whole message. */
  bytes(): Uint8Array {
    const length = this.pass();
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return Buffer.from(this.bytes()).toString();
  }

  /** Leaves out the value of the field that `next` announced. */
  skip(): void {
    if (this.#wireType === 0) this.#integer();
    else if (this.#wireType === 1) this.#at = this.#after(8);
    else if (this.#wireType === 2) this.pass();
    else if (this.#wireType === 5) this.#at = this.#after(4);
    else throw new WireError(`Wire type ${this.#wireType} is not known.`);
  }

  /** Unsigned; a number where seven groups of seven bits suffice, which stay exact in a double. */
  #integer(): WholeNumber {
    let value = 0;
    let scale = 1;
    for (let groups = 0; groups < 7; groups++, scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    let large = BigInt(value);
    for (let shift = 49n; shift < 7n * BigInt(VARINT_BYTES); shift += 7n) {
      const byte = this.#byte();
      large += BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return large;
    }
    throw endless();
  }

  #byte(): number {
    if (this.#at >= this.#end) throw cutOff();
    return this.#bytes[this.#at++] as number;
  }

  #after(length: number): number {
    if (length > this.#end - this.#at) throw cutOff();
    return this.#at + length;
  }
}

/** A number where it is exact, so that equal values are equal whatever bytes they came in. */
function compact(value: bigint): WholeNumber {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function cutOff(): WireError {
  return new WireError('The message is cut off.');
}

function endless(): WireError {
  return new WireError('A number is longer than 64 bits.');
}
