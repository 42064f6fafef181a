import { compareRevisions, type Revision, type Timing, WatchError } from '@rollcall/core';
import type { QuietUpdate, Target } from '@rollcall/core/adapter';
import { ANSWER_MS, CONNECT_AND_ANSWER_MS } from '../rpc/deadlines.js';
import type { ResponseHeader, WatchAnswer } from '../rpc/messages.js';
import { rangeOf } from '../rpc/range.js';
import type { WatchRequest } from '../rpc/requests.js';
import { toWatchError } from '../rpc/status.js';
import type { WatchCall } from '../rpc/transport.js';
import { Creations } from './creations.js';
import { Progress } from './progress.js';
import { type StreamSide, StreamWatch } from './streamWatch.js';

const ALIVE_EVERY_MS = 1_000;
/** Unread answers may take this many bytes; then reading pauses until half is read. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
/**
 * Unread answers of one watch, bytes: a watch above this is ended and created again, because it would hold up the
 * others.
 */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;
/** A read that proved nothing is repeated after this part of the time between proofs. */
const PROVE_AGAIN = 0.5;

export interface StreamOptions {
  /** `host:port`, for messages. */
  readonly endpoint: string;
  readonly timing: Timing;
  /** Time between progress requests, ms. A watch without a proof for a little longer is proven by a read. */
  readonly proofEveryMs: number;
  /** Whether this server's progress replies prove that all earlier events were delivered. */
  trustsProgress(): boolean;
  /** Called with each answer's header. @throws WatchError if it is of another cluster. */
  onHeader(header: ResponseHeader): void;
  /** Called once, when watches must be proven by reads. */
  onProvenByReads(): void;
}

/** A watch, and the header of its confirmation. */
export interface CreatedWatch {
  readonly watch: StreamWatch;
  readonly created: ResponseHeader;
}

/**
 * Any number of watches on one stream. The stream ends with its last watch.
 *
 * The core reads all the time, so a watch with many events delays the others only for the time of reading.
 */
export class WatchStream {
  readonly #call: WatchCall;
  readonly #options: StreamOptions;
  readonly #timing: Timing;
  /** Confirmed watches, by the server's id. */
  readonly #watches = new Map<string, StreamWatch>();
  readonly #creations: Creations;
  readonly #progress: Progress;
  readonly #side: StreamSide = {
    onTaken: (bytes) => this.#taken(bytes),
    onClosed: (watch) => this.#left(watch),
  };
  #waitingBytes = 0;
  #failure: WatchError | undefined;
  /** Whether anything was received; before that, the connection may still be opening. */
  #heard = false;
  #toldAliveAt = Number.NEGATIVE_INFINITY;
  #toldByReads = false;
  #cancelProofs: () => void = () => {};
  #proofsDueAt = Number.POSITIVE_INFINITY;

  /** @param call a new call. It ends with the last watch. */
  constructor(call: WatchCall, options: StreamOptions) {
    this.#call = call;
    this.#options = options;
    this.#timing = options.timing;
    this.#creations = new Creations(options.timing, (request) => this.#send(request));
    this.#progress = new Progress(options.timing, options.proofEveryMs, () => this.#send({ type: 'progress' }));
    call.on('data', (answer: WatchAnswer) => this.#hear(answer));
    call.on('error', (error) => this.#end(toWatchError(error, options.endpoint)));
    call.on('end', () => this.#end(new WatchError('ENDED', `etcd at ${options.endpoint} ended the watch.`)));
  }

  /** Whether no more watches can be created. */
  get ended(): boolean {
    return this.#failure !== undefined;
  }

  /** Creations that wait because the server chooses ids itself. */
  get queue(): number {
    return this.#creations.queue;
  }

  /**
   * Creates a watch.
   * @param start the first revision wanted.
   * @throws WatchError FORBIDDEN, UNAUTHENTICATED: this watch alone; TIMEOUT; what ended the stream.
   */
  async create(
    target: Target,
    start: Revision,
    { signal, tell }: { readonly signal: AbortSignal; readonly tell?: ((update: QuietUpdate) => void) | undefined },
  ): Promise<CreatedWatch> {
    if (this.#failure !== undefined) throw this.#failure;
    const watch = new StreamWatch({ signal, tell, timing: this.#timing, stream: this.#side });
    this.#creations.add(watch, rangeOf(target), start);
    const deadlineMs = this.#heard ? ANSWER_MS : CONNECT_AND_ANSWER_MS;
    try {
      return { watch, created: await watch.untilCreated(deadlineMs, this.#options.endpoint) };
    } catch (error) {
      watch.close();
      throw error;
    }
  }

  /** Requests progress, and again soon: no reply comes while any watch replays. */
  askSoon(): void {
    if (this.#failure === undefined) this.#progress.askSoon();
  }

  /** The watch was proven. A read proves it next, unless something else does in time. */
  proven(watch: StreamWatch): void {
    this.#proveBy(watch, this.#timing.now() + this.#proofAfterMs);
  }

  /** Makes a read prove the watch soon, unless the stream does. */
  proveSoon(watch: StreamWatch, ms: number): void {
    this.#proveBy(watch, this.#timing.now() + ms);
  }

  /** Ends the stream if it has no watch. */
  endIfUnused(): void {
    if (this.#watches.size > 0 || this.#creations.backlog > 0) return;
    this.#end(new WatchError('CLOSED', 'The watch stream is not needed any more.'));
  }

  #hear(answer: WatchAnswer): void {
    this.#heard = true;
    try {
      this.#options.onHeader(answer.header);
    } catch (error) {
      this.#end(WatchError.from(error));
      return;
    }
    const isEvidence = answer.created ? this.#confirm(answer) : this.#told(answer);
    // A message for an unknown watch proves nothing about ours.
    if (isEvidence) this.#tellAlive();
  }

  /** @returns whether the message is about a watch of this stream. */
  #told(answer: WatchAnswer): boolean {
    if (answer.watchId === EVERY_WATCH && !answer.canceled) return this.#tellProgress(answer);
    const watch = this.#watches.get(answer.watchId);
    if (watch === undefined) return false;
    if (answer.canceled) this.#cancelled(watch, answer);
    else if (answer.events.length > 0) this.#deliver(watch, answer);
    return true;
  }

  #confirm(answer: WatchAnswer): boolean {
    const watch = this.#creations.confirmed(answer);
    if (watch === undefined) return false;
    if (answer.canceled) this.#forget(watch, this.#refusal(answer.cancelReason));
    // The watch was closed before its confirmation.
    else if (watch.closed) this.#send({ type: 'cancel', watchId: answer.watchId });
    else {
      watch.id = answer.watchId;
      watch.askedBefore = this.#progress.asked;
      this.#watches.set(watch.id, watch);
      this.proven(watch);
      watch.confirm(answer.header);
    }
    return true;
  }

  #cancelled(watch: StreamWatch, { watchId, compactRevision, cancelReason }: WatchAnswer): void {
    if (compactRevision === '0') {
      this.#forget(watch, this.#refusal(cancelReason));
      return;
    }
    // etcd keeps a watch that a compaction has ended, until it is cancelled.
    this.#send({ type: 'cancel', watchId });
    const { endpoint } = this.#options;
    const why = `etcd at ${endpoint} is compacted: its oldest revision is ${compactRevision}.`;
    this.#forget(watch, new WatchError('COMPACTED', why));
  }

  #deliver(watch: StreamWatch, answer: WatchAnswer): void {
    this.#waitingBytes += answer.bytes;
    watch.tell({ type: 'events', answer });
    this.proven(watch);
    if (watch.waitingBytes > MOST_UNREAD_BYTES && watch.isUnread) this.#overflow(watch);
    else if (this.#waitingBytes > MOST_WAITING_BYTES) this.#call.pause();
  }

  /** The watch has no reader yet, and its events would hold up the others. */
  #overflow(watch: StreamWatch): void {
    watch.overflowed = true;
    watch.drop();
    if (watch.id === undefined) return;
    this.#watches.delete(watch.id);
    this.#send({ type: 'cancel', watchId: watch.id });
  }

  /**
   * The server sends confirmations by one queue, events and progress by another. A progress reply may have been made
   * just before a watch was created, and arrive after its confirmation. Then it answers an earlier request, and its
   * revision is not above that of the creation.
   */
  #tellProgress({ header }: WatchAnswer): boolean {
    const { answered, asOf } = this.#progress.answer();
    if (!this.#options.trustsProgress()) return true;
    const bookmark = { type: 'bookmark', revision: header.revision, asOf } as const;
    let all = true;
    for (const watch of this.#watches.values()) {
      const { created } = watch;
      const isOlder =
        created === undefined ||
        (answered <= watch.askedBefore && compareRevisions(header.revision, created.revision) <= 0);
      if (isOlder) all = false;
      else {
        watch.tell(bookmark);
        this.proven(watch);
      }
    }
    if (all) this.#progress.everybodyKnows();
    return true;
  }

  #tellAlive(): void {
    const now = this.#timing.now();
    if (now - this.#toldAliveAt < ALIVE_EVERY_MS) return;
    this.#toldAliveAt = now;
    for (const watch of this.#watches.values()) watch.tell({ type: 'alive' });
  }

  #taken(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (this.#waitingBytes <= MOST_WAITING_BYTES / 2 && this.#call.isPaused()) this.#call.resume();
  }

  /** The server has ended the watch. */
  #forget(watch: StreamWatch, failure: WatchError): void {
    if (watch.id !== undefined) this.#watches.delete(watch.id);
    watch.fail(failure);
    this.endIfUnused();
  }

  /** The reader has ended the watch. */
  #left(watch: StreamWatch): void {
    this.#creations.forget(watch);
    if (watch.id !== undefined && this.#watches.delete(watch.id)) this.#send({ type: 'cancel', watchId: watch.id });
    this.endIfUnused();
  }

  /** A little later than the next progress request, at random, so that reads are spread. */
  get #proofAfterMs(): number {
    return this.#options.proofEveryMs * (1.05 + this.#timing.random() / 20);
  }

  #proveBy(watch: StreamWatch, at: number): void {
    watch.proofDueAt = at;
    if (at >= this.#proofsDueAt || this.#failure !== undefined) return;
    this.#proofsDueAt = at;
    this.#cancelProofs();
    this.#cancelProofs = this.#timing.schedule(Math.max(0, at - this.#timing.now()), () => this.#proveOverdue());
  }

  #proveOverdue(): void {
    const now = this.#timing.now();
    this.#proofsDueAt = Number.POSITIVE_INFINITY;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const watch of this.#watches.values()) {
      if (watch.proofDueAt <= now) {
        this.#sayByReads();
        watch.proofDueAt = now + this.#options.proofEveryMs * PROVE_AGAIN;
        watch.tell({ type: 'unproven' });
      }
      nextAt = Math.min(nextAt, watch.proofDueAt);
    }
    if (nextAt === Number.POSITIVE_INFINITY || this.#failure !== undefined) return;
    // Together with watches that are due a moment later, so that they share a transaction.
    const inMs = Math.max(SHARED_PROOF_MS, nextAt - now);
    this.#proofsDueAt = now + inMs;
    this.#cancelProofs = this.#timing.schedule(inMs, () => this.#proveOverdue());
  }

  #sayByReads(): void {
    if (this.#toldByReads || (this.#progress.answered > 0 && this.#options.trustsProgress())) return;
    this.#toldByReads = true;
    this.#options.onProvenByReads();
  }

  #send(request: WatchRequest): void {
    if (this.#failure === undefined) this.#call.write(request);
  }

  #end(failure: WatchError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#progress.stop();
    this.#cancelProofs();
    this.#call.cancel();
    const watches = [...this.#watches.values(), ...this.#creations.clear()];
    this.#watches.clear();
    for (const watch of watches) watch.fail(failure);
  }

  /** The server's error text, in an answer that refuses a watch. */
  #refusal(reason: string): WatchError {
    const error = Object.assign(new Error('watch cancelled'), { code: CANCELLED, details: reason });
    return toWatchError(error, this.#options.endpoint);
  }
}

/** Watches whose proofs are due within this time, ms, are proven together. */
const SHARED_PROOF_MS = 250;
/** The watch id of a progress reply, which is about the whole stream. */
const EVERY_WATCH = '-1';
/** gRPC's status code. */
const CANCELLED = 1;
