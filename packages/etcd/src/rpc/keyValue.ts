import type { Entry, Revision } from '@rollcall/core';
import { PackedEntry, type WholeNumber } from '@rollcall/core/internal';
import type { WireReader } from './wireReader.js';

/** How much of a message is copied at once: a value that is kept keeps so much, and not all of the message. */
const BLOCK_BYTES = 64 * 1024;

/** The parts of a message, copied in blocks as they are reached. */
export class Blocks {
  readonly #message: Uint8Array;
  /** Where in the message the present block begins and ends. */
  #from = 0;
  #to = 0;
  #block: Buffer = Buffer.alloc(0);

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  /** The block that holds all of this part. */
  reach(from: number, to: number): Buffer {
    if (to > this.#to || from < this.#from) {
      this.#from = from;
      this.#to = Math.max(to, Math.min(from + BLOCK_BYTES, this.#message.length));
      // Of its own memory, not of Node's pool, and not filled with zeros before it is filled.
      this.#block = Buffer.allocUnsafeSlow(this.#to - this.#from);
      this.#block.set(this.#message.subarray(this.#from, this.#to));
    }
    return this.#block;
  }

  /** Where the present block begins in the message. */
  get from(): number {
    return this.#from;
  }
}

/** One key of an answer, in a block that it shares with its neighbours. */
export class KeyValue {
  readonly #block: Buffer;
  #keyAt = 0;
  #keyEnd = 0;
  #valueAt = 0;
  #valueEnd = 0;
  #createRevision: WholeNumber = 0;
  #modRevision: WholeNumber = 0;

  private constructor(block: Buffer) {
    this.#block = block;
  }

  /** Reads what the reader is at; field numbers are those of etcd's kv.proto. */
  static read(reader: WireReader, blocks: Blocks): KeyValue {
    const outer = reader.enter();
    const kv = new KeyValue(blocks.reach(reader.at, reader.end));
    const { from } = blocks;
    for (let field = reader.next(); field !== undefined; field = reader.next()) {
      if (field === 1) {
        const length = reader.pass();
        kv.#keyEnd = reader.at - from;
        kv.#keyAt = kv.#keyEnd - length;
      } else if (field === 2) kv.#createRevision = reader.int64();
      else if (field === 3) kv.#modRevision = reader.int64();
      else if (field === 5) {
        const length = reader.pass();
        kv.#valueEnd = reader.at - from;
        kv.#valueAt = kv.#valueEnd - length;
      } else reader.skip();
    }
    reader.leave(outer);
    return kv;
  }

  get key(): Buffer {
    return this.#block.subarray(this.#keyAt, this.#keyEnd);
  }

  /** What follows the first bytes of the key, where that is ASCII; undefined where it must be decoded with care. */
  asciiKey(skipped: number): string | undefined {
    const block = this.#block;
    const from = this.#keyAt + skipped;
    for (let at = from; at < this.#keyEnd; at++) if ((block[at] as number) > 0x7f) return undefined;
    return block.toString('latin1', from, this.#keyEnd);
  }

  /** Empty on a delete. */
  get value(): Buffer {
    return this.#block.subarray(this.#valueAt, this.#valueEnd);
  }

  get createRevision(): Revision {
    return String(this.#createRevision);
  }

  /** On a delete, its own. */
  get modRevision(): Revision {
    return String(this.#modRevision);
  }

  isOfSameRevision(other: KeyValue): boolean {
    return this.#modRevision === other.#modRevision;
  }

  get entry(): Entry {
    const length = this.#valueEnd - this.#valueAt;
    return new PackedEntry(this.#block, this.#valueAt, length, this.#modRevision, this.#createRevision);
  }
}
