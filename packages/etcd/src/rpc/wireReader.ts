import type { WholeNumber } from '@rollcall/core/internal';

/**
 * The most bytes of a varint: 64 bits, 7 a byte. Without this limit 1 MB of 0x80 would be read as one number and hold
 * the event loop.
 */
const VARINT_BYTES = 10;

/** The bytes are not a protobuf message. */
export class WireError extends RangeError {}

/**
 * Reads the part of the protobuf wire format (https://protobuf.dev/programming-guides/encoding/) that etcd's answers
 * use. One reader goes through a message and all messages inside, and makes no objects. Reading only the needed fields
 * takes about half the time of a general decoder.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at: number;
  /** The end of the message that is being read. */
  #end: number;
  #wireType = 0;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** The position of the next byte. */
  get at(): number {
    return this.#at;
  }

  moveTo(at: number): void {
    this.#at = at;
  }

  /** The end of the message that is being read. */
  get end(): number {
    return this.#end;
  }

  /** The next field's number; undefined at the end of the message. Read or skip its value next. */
  next(): number | undefined {
    if (this.#at >= this.#end) return undefined;
    const tag = this.number();
    this.#wireType = tag & 7;
    return tag >>> 3;
  }

  /** Enters an embedded message. @returns the argument for `leave`. */
  enter(): number {
    const length = this.number();
    const outer = this.#end;
    this.#end = this.#after(length);
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  /** Skips bytes or an embedded message. @returns their length; they end at `at`. */
  pass(): number {
    const length = this.number();
    this.#at = this.#after(length);
    return length;
  }

  /** Reads a small varint: an enum, a bool, a length. */
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

  /** Reads a signed 64-bit integer. */
  int64(): WholeNumber {
    const value = this.#integer();
    return typeof value === 'number' ? value : compact(BigInt.asIntN(64, value));
  }

  /** Reads an unsigned 64-bit integer. */
  uint64(): WholeNumber {
    const value = this.#integer();
    return typeof value === 'number' ? value : compact(value);
  }

  /** Reads bytes as a view, which keeps the whole message in memory. */
  bytes(): Uint8Array {
    const length = this.pass();
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return Buffer.from(this.bytes()).toString();
  }

  /** Skips the value of the present field. */
  skip(): void {
    if (this.#wireType === 0) this.#integer();
    else if (this.#wireType === 1) this.#at = this.#after(8);
    else if (this.#wireType === 2) this.pass();
    else if (this.#wireType === 5) this.#at = this.#after(4);
    else throw new WireError(`Wire type ${this.#wireType} is not known.`);
  }

  /**
   * Reads an unsigned varint: as a number if it has at most seven groups of seven bits, which a double holds exactly.
   */
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

/** As a number if that is exact, so that equal values are equal however they were encoded. */
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
