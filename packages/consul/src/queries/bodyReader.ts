import { Writable } from 'node:stream';
import type { Timing } from '@rollcall/core';
import { JsonPieces } from '../http/jsonPieces.js';
import type { BodySink } from '../http/reply.js';
import type { Pair } from './entries.js';
import type { Decode } from './query.js';

/** After this much work the event loop gets a turn. */
const SLICE_MS = 5;

/** What the body of an answer says. */
export interface Gathered {
  readonly pairs: readonly Pair[];
  readonly malformed: number;
}

/**
 * Parses and decodes an answer's body while it arrives, in slices between which the event loop turns: until then the
 * sender waits.
 */
export class BodyReader extends Writable implements BodySink {
  readonly #pieces: JsonPieces;
  readonly #decode: Decode;
  readonly #timing: Timing;
  readonly #pairs: Pair[] = [];
  #malformed = 0;
  #failure: unknown;
  #costMs = 0;
  #sliceMs = 0;

  constructor(boundary: string | undefined, decode: Decode, timing: Timing) {
    super();
    this.#pieces = new JsonPieces(boundary);
    this.#decode = decode;
    this.#timing = timing;
  }

  get isHopeless(): boolean {
    return this.#failure !== undefined;
  }

  /** How long this thread worked on the body so far, ms. */
  get costMs(): number {
    return this.#costMs;
  }

  /** Resolves when all was taken in: with what it says, or with undefined when it is no such answer. */
  async gathered(): Promise<Gathered | undefined> {
    if (!this.isHopeless && !this.writableFinished) await new Promise((resolve) => this.once('finish', resolve));
    if (this.#failure === undefined) return { pairs: this.#pairs, malformed: this.#malformed };
    if (this.#failure instanceof SyntaxError) return undefined;
    throw this.#failure;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#work(() => this.#pieces.push(chunk));
    if (this.#sliceMs < SLICE_MS) {
      done();
      return;
    }
    this.#sliceMs = 0;
    setImmediate(done);
  }

  override _final(done: () => void): void {
    this.#work(() => this.#pieces.end());
    done();
  }

  #work(next: () => unknown): void {
    if (this.#failure !== undefined) return;
    const began = this.#timing.now();
    try {
      const piece = next();
      if (piece !== undefined) this.#take(piece);
    } catch (error) {
      this.#failure = error;
    }
    const tookMs = this.#timing.now() - began;
    this.#costMs += tookMs;
    this.#sliceMs += tookMs;
  }

  #take(piece: unknown): void {
    const decoded = this.#decode(piece);
    if (decoded === undefined) throw new SyntaxError('JSON, but not of this kind');
    for (const pair of decoded.pairs) this.#pairs.push(pair);
    this.#malformed += decoded.malformed;
  }
}
