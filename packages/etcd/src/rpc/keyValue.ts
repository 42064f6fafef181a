import type { Entry, Revision } from '@rollcall/core';
import { PackedEntry, type WholeNumber } from '@rollcall/core/internal';
import type { WireReader } from './wireReader.js';

/**
 * Bytes of a message that are copied together. An entry that is kept keeps one such block in memory, and not the whole
 * message.
 */
const BLOCK_BYTES = 64 * 1024;

/** Copies of a message's parts, made in blocks as the parts are reached. */
export class Blocks {
  readonly #message: Uint8Array;
  /** The bounds of the present block in the message. */
  #from = 0;
  #to = 0;
  #block: Buffer = Buffer.alloc(0);

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  /** The block that holds the whole part. */
  reach(from: number, to: number): Buffer {
    if (to > this.#to || from < this.#from) {
      this.#from = from;
      this.#to = Math.max(to, Math.min(from + BLOCK_BYTES, this.#message.length));
      // Memory of its own, not from Node's pool, and not zeroed before it is filled.
      this.#block = Buffer.allocUnsafeSlow(this.#to - this.#from);
      this.#block.set(this.#message.subarray(this.#from, this.#to));
    }
    return this.#block;
  }

  /** The block's start in the message. */
  get from(): number {
    return this.#from;
  }
}

/** One key of an answer. Its bytes lie in a block that it shares with its neighbours. */
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

  /** Reads a KeyValue at the reader's position; field numbers as in etcd's kv.proto. */
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

  /** The key without its first bytes, if it is ASCII; undefined if it must be decoded as UTF-8. */
  asciiKey(skipped: number): string | undefined {
    const block = this.#block;
    const from = this.#keyAt + skipped;
    for (let at = from; at < this.#keyEnd; at++) if ((block[at] as number) > 0x7f) return undefined;
    return block.toString('latin1', from, this.#keyEnd);
  }

  /** The value; empty for a delete. */
  get value(): Buffer {
    return this.#block.subarray(this.#valueAt, this.#valueEnd);
  }

  get createRevision(): Revision {
    return String(this.#createRevision);
  }

  /** The mod_revision; for a delete, the revision of the delete. */
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
