import { AnswerError } from './answerError.js';

/**
 * The primitive types of Kafka's wire protocol (https://kafka.apache.org/protocol#protocol_types), big-endian. Rollcall
 * encodes these few requests itself: no client library can send them on a connection that another program goes on to
 * use, and Kafka clients are optional here.
 */

/** Reads one answer. The sender may be anybody, so every length is checked against the end of the bytes. */
export class KafkaReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws AnswerError if the bytes end too early; so do all methods here. */
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

  /** Yields as many items as the array's length says; a null array has none. */
  array<T>(item: () => T): T[] {
    const length = this.int32();
    // Each item takes at least one byte, so a forged length costs no time or memory.
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
