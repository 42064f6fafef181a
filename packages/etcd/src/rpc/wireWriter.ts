/** Wire types of https://protobuf.dev/programming-guides/encoding/. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Writes the protobuf wire format, as much of it as requests to etcd need. What is undefined is left out. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];

  bytes(field: number, value: Uint8Array | undefined): this {
    if (value === undefined) return this;
    this.#parts.push(tag(field, LENGTH_DELIMITED), varint(BigInt(value.length)), value);
    return this;
  }

  message(field: number, value: WireWriter): this {
    return this.bytes(field, value.finish());
  }

  /** @param value a signed 64-bit number in decimal. */
  int64(field: number, value: string | undefined): this {
    if (value === undefined) return this;
    this.#parts.push(tag(field, VARINT), varint(BigInt.asUintN(64, BigInt(value))));
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
  return varint(BigInt(field * 8 + wireType));
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
