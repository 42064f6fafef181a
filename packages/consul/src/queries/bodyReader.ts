import { Writable } from 'node:stream';
import type { Timing } from '@rollcall/core';
import { JsonPieces } from '../http/jsonPieces.js';
import type { BodySink } from '../http/reply.js';
import type { Pair } from './entries.js';
import { KeptBody } from './keptBody.js';
import type { DecodeItems } from './query.js';

/** After this much work, ms, the event loop turns. */
const SLICE_MS = 5;
/** A smaller body is not kept: parsing it is as fast as comparing it. */
const LEAST_KEPT_BYTES = 64 * 1024;
/** A larger body is not kept: it takes too much memory. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024;

/** Time that node:http takes to receive a body, measured with a body that was dropped. */
const RECEIVING_MS_A_MB = 1.5;

/** The items of an answer's body. */
export interface ParsedBody {
  readonly pairs: readonly Pair[];
  readonly malformed: number;
  /** The body, for the comparison with the next answer. */
  readonly body?: KeptBody | undefined;
}

export interface BodyReaderOptions {
  /** As `Query.isList`. */
  readonly isList: boolean;
  readonly decode: DecodeItems;
  readonly timing: Timing;
  /** The body of the last answer. */
  readonly kept?: KeptBody | undefined;
}

/**
 * Parses and decodes an answer's body in slices, between which the event loop turns; the sender waits meanwhile. If the
 * last body is known, only items that differ are parsed. Otherwise the body is parsed while it arrives.
 */
export class BodyReader extends Writable implements BodySink {
  readonly #options: BodyReaderOptions;
  readonly #pieces: JsonPieces;
  /** The last body, while the new one can be compared with it. */
  #kept: KeptBody | undefined;
  /** Bytes at the beginning that equal those of the last body; they are not in `#chunks`. */
  #same = 0;
  /** The received bytes, while the body may be kept or compared. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #pairs: Pair[] = [];
  #malformed = 0;
  #body: KeptBody | undefined;
  #failure: unknown;
  #costMs = 0;
  #sliceMs = 0;

  constructor(options: BodyReaderOptions) {
    super();
    this.#options = options;
    this.#pieces = new JsonPieces(options.isList);
    this.#kept = options.kept;
  }

  get isHopeless(): boolean {
    return this.#failure !== undefined;
  }

  /** Time that this thread worked on the body so far, ms; the time to receive it is an estimate. */
  get costMs(): number {
    return this.#costMs + (this.#bytes / 1e6) * RECEIVING_MS_A_MB;
  }

  /** The items, once the whole body has arrived; undefined if it is not an answer of this kind. */
  async parsed(): Promise<ParsedBody | undefined> {
    if (!this.isHopeless && !this.writableFinished) await new Promise((resolve) => this.once('finish', resolve));
    if (this.#failure === undefined) {
      const pairs = this.#kept?.pairs ?? this.#pairs;
      return { pairs, malformed: this.#malformed, body: this.#kept ?? this.#body };
    }
    if (this.#failure instanceof SyntaxError) return undefined;
    throw this.#failure;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_KEPT_BYTES) void this.#readWhole(chunk).then(done);
    else if (this.#kept !== undefined) {
      this.#work(() => this.#compare(chunk));
      done();
    } else {
      if (this.#options.isList) this.#chunks.push(chunk);
      void this.#parse(chunk).then(done);
    }
  }

  override _final(done: () => void): void {
    void this.#finish().then(done);
  }

  async #finish(): Promise<void> {
    if (this.#kept !== undefined && (await this.#readBy(this.#kept))) return;
    if (this.#kept !== undefined) await this.#readWhole();
    await this.#inSlices(() => this.#take(this.#pieces.end()));
    this.#work(() => this.#keep());
  }

  #compare(chunk: Buffer): void {
    const same = this.#chunks.length === 0 ? (this.#kept?.commonStart(chunk, this.#same) ?? 0) : 0;
    this.#same += same;
    if (same < chunk.length) this.#chunks.push(chunk.subarray(same));
  }

  /** @returns whether the body was read by comparison. */
  async #readBy(kept: KeptBody): Promise<boolean> {
    const { decode } = this.#options;
    const reading = kept.read(this.#same, this.#chunks, (item) => decode([item])?.pairs[0]);
    let step: IteratorResult<undefined, boolean> = { done: false, value: undefined };
    while (this.#failure === undefined && !step.done) {
      await this.#inSlices(() => {
        try {
          step = reading.next();
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          step = { done: true, value: false };
        }
      });
    }
    return step.value ?? false;
  }

  /** Gives up the comparison: parses everything received so far. */
  async #readWhole(chunk?: Buffer): Promise<void> {
    const start = this.#kept?.bytes.subarray(0, this.#same);
    const chunks = this.#kept === undefined ? [] : [...(start ? [start] : []), ...this.#chunks];
    this.#kept = undefined;
    this.#chunks = [];
    for (const each of chunk === undefined ? chunks : [...chunks, chunk]) await this.#parse(each);
  }

  #parse(chunk: Buffer): Promise<void> {
    return this.#inSlices(() => this.#take(this.#pieces.push(chunk)));
  }

  #keep(): void {
    const isWhole = this.#chunks.length > 0 && this.#malformed === 0;
    if (!this.#options.isList || !isWhole || this.#bytes < LEAST_KEPT_BYTES) return;
    this.#body = KeptBody.of(Buffer.concat(this.#chunks), this.#pairs);
  }

  async #inSlices(work: () => void): Promise<void> {
    this.#work(work);
    if (this.#sliceMs < SLICE_MS) return;
    this.#sliceMs = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #work(work: () => void): void {
    if (this.#failure !== undefined) return;
    const { timing } = this.#options;
    const began = timing.now();
    try {
      work();
    } catch (error) {
      this.#failure = error;
    }
    const tookMs = timing.now() - began;
    this.#costMs += tookMs;
    this.#sliceMs += tookMs;
  }

  #take(piece: unknown): void {
    if (piece === undefined) return;
    const decoded = this.#options.decode(piece);
    if (decoded === undefined) throw new SyntaxError('JSON, but not of this kind');
    for (const pair of decoded.pairs) this.#pairs.push(pair);
    this.#malformed += decoded.malformed;
  }
}
