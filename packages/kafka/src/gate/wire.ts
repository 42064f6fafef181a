import { AnswerError } from './answerError.js';

/**
 * The primitives of Kafka's wire protocol (https://kafka.apache.org/protocol#protocol_types), big-endian. Rollcall speaks
 * a few words of it itself, to ask a broker which cluster it is of: no client library can be asked to do that on a
 * connection that somebody else opened and goes on to use, and Kafka clients are optional here.
 */

/** Reads one answer from its beginning. Whoever sent it may be anybody, so nothing is believed beyond its end. */
export class KafkaReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws AnswerError when it ends before, as do all of these. */
  int16(): number {
    return this.#take(2).readInt16BE();
  }

  int32(): number {
    return this.#take(4).readInt32BE();
  }

  string(): string {
    const text = this.nullableString();
    if (text === undefined) throw new AnswerError('a text is missing');
    return text;
  }

  nullableString(): string | undefined {
    const length = this.int16();
    return length < 0 ? undefined : this.#take(length).toString('utf8');
  }

  bytes(): Buffer {
    return this.#take(this.int32());
  }

  /** Items one by one, as many as the array says; a null array has none. */
  array<T>(item: () => T): T[] {
    const length = this.int32();
    // An item has a byte at least: a forged length costs no time and no memory.
    if (length > this.#bytes.length - this.#at) throw new AnswerError('it names more items than it holds');
    return Array.from({ length: Math.max(0, length) }, item);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw new AnswerError('it is cut off');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

export function int8(value: number): Buffer {
  return Buffer.of(value);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}

export function bytes(content: Buffer): Buffer {
  return Buffer.concat([int32(content.length), content]);
}
