/** Wire types of https://protobuf.dev/programming-guides/encoding/. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Writes the part of the protobuf wire format that requests to etcd need. Undefined fields are left out. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];

  bytes(field: number, value: Uint8Array | undefined): this {
    if (value === undefined) return this;
    this.#parts.push(tag(field, LENGTH_DELIMITED), varint(value.length), value);
    return this;
  }

  message(field: number, value: WireWriter): this {
    return this.bytes(field, value.finish());
  }

  /** @param value a signed 64-bit number in decimal. */
  int64(field: number, value: string | undefined): this {
    if (value === undefined) return this;
    const number = Number(value);
    const exact = number >= 0 && Number.isSafeInteger(number);
    this.#parts.push(tag(field, VARINT), exact ? varint(number) : largeVarint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }

  bool(field: number, value: boolean | undefined): this {
    return value ? this.int64(field, '1') : this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType);
}

/** @param value a whole number up to 2^53. A BigInt would take twice as long to write. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function largeVarint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
