import { systemTiming, type Target, WatchError } from '@rollcall/core';
import { ANSWER_MS, CONNECT_AND_ANSWER_MS } from '../rpc/deadlines.js';
import type { WatchAnswer } from '../rpc/messages.js';
import { rangeOf } from '../rpc/range.js';
import { toWatchError } from '../rpc/status.js';
import type { WatchCall } from '../rpc/transport.js';
import { type StreamSide, StreamWatch } from './streamWatch.js';

/**
 * How often a stream is asked for progress, ms: so that it is never silent for longer, and so that the cursor of a prefix
 * where nothing happens stays ahead of compaction.
 */
const ASK_EVERY_MS = 10_000;
/**
 * Until a resumed watch has been told where it is the stream is asked more often: the server drops requests while a watch
 * replays, and it begins replays every 100 ms only.
 */
const FIRST_ASK_AFTER_MS = 125;
const ALIVE_EVERY_MS = 1_000;
/** Answers that wait to be read may weigh this much, bytes; then the rest waits on the server until half is read. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Any number of watches on one stream. Any message is life for all of them. It ends with the last of them.
 *
 * The core always reads, so a watch with much to read holds the others up only for as long as reading takes.
 */
export class WatchStream {
  readonly #call: WatchCall;
  readonly #endpoint: string;
  readonly #trustsProgress: () => boolean;
  /** By id, those too whose creation is not confirmed yet. */
  readonly #watches = new Map<string, StreamWatch>();
  /** The server confirms in the order of the requests, and names no id when it refuses. */
  readonly #unconfirmed: StreamWatch[] = [];
  readonly #side: StreamSide = {
    onTaken: (bytes) => this.#taken(bytes),
    onClosed: (watch) => this.#left(watch),
  };
  #ids = 0;
  #waitingBytes = 0;
  #failure: WatchError | undefined;
  /** Whether anything came yet: until then the connection may still be in the making. */
  #heard = false;
  /** Requests for progress, and answers to them: some get none. */
  #asked = 0;
  #answered = 0;
  #askedAt = systemTiming.now();
  #askAfterMs = ASK_EVERY_MS;
  #toldAliveAt = Number.NEGATIVE_INFINITY;
  #cancelAsk: () => void = () => {};

  /**
   * @param call nothing is asked on it yet; it ends with the last watch.
   * @param endpoint `host:port`, for messages.
   * @param trustsProgress whether a progress reply of this server proves that all before it was told.
   */
  constructor(call: WatchCall, endpoint: string, trustsProgress: () => boolean) {
    this.#call = call;
    this.#endpoint = endpoint;
    this.#trustsProgress = trustsProgress;
    call.on('data', (answer: WatchAnswer) => this.#hear(answer));
    call.on('error', (error) => this.#end(toWatchError(error, endpoint)));
    call.on('end', () => this.#end(new WatchError('ENDED', `etcd at ${endpoint} ended the watch.`)));
    this.#scheduleAsk();
  }

  /** No watch can be created any more. */
  get ended(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Creates a watch. Its request is written at once, so many may be on the way together.
   * @param start the first revision wanted.
   * @returns `createdAt`: the store's revision then, as far as that one member knew. It implies no delivery.
   * @throws WatchError FORBIDDEN, UNAUTHENTICATED: this watch alone; TIMEOUT; what ended the stream.
   */
  async create(target: Target, start: string, signal: AbortSignal): Promise<{ watch: StreamWatch; createdAt: string }> {
    if (this.#failure !== undefined) throw this.#failure;
    const watch = new StreamWatch(String(++this.#ids), this.#asked, this.#side, signal);
    this.#watches.set(watch.id, watch);
    this.#unconfirmed.push(watch);
    this.#call.write({ create_request: { ...rangeOf(target), start_revision: start, watch_id: watch.id } });
    const deadlineMs = this.#heard ? ANSWER_MS : CONNECT_AND_ANSWER_MS;
    try {
      return { watch, createdAt: await watch.untilCreated(deadlineMs, this.#endpoint) };
    } catch (error) {
      watch.close();
      throw error;
    }
  }

  /** Asks for a progress reply, and again soon: none comes while any of the watches still replays. */
  askSoon(): void {
    if (this.#failure !== undefined) return;
    this.#askAfterMs = FIRST_ASK_AFTER_MS;
    this.#scheduleAsk();
  }

  /** Ends it if no watch is on it. */
  endIfUnused(): void {
    if (this.#watches.size === 0) this.#end(new WatchError('CLOSED', 'The watch stream is not needed any more.'));
  }

  #hear(answer: WatchAnswer): void {
    this.#heard = true;
    if (answer.created) this.#confirm(answer);
    else if (answer.canceled) this.#cancelled(answer);
    else if (answer.events.length > 0) this.#deliver(answer);
    else if (answer.watchId === EVERY_WATCH) this.#progress(answer);
    this.#tellAlive();
  }

  #confirm({ canceled, cancelReason, header }: WatchAnswer): void {
    const watch = this.#unconfirmed.shift();
    if (watch === undefined) return;
    if (canceled) this.#forget(watch, this.#refusal(cancelReason));
    else if (this.#watches.has(watch.id)) watch.created(header.revision);
    // Closed before it was confirmed.
    else this.#call.write({ cancel_request: { watch_id: watch.id } });
  }

  #cancelled({ watchId, compactRevision, cancelReason }: WatchAnswer): void {
    const failure =
      compactRevision === '0'
        ? this.#refusal(cancelReason)
        : new WatchError(
            'COMPACTED',
            `etcd at ${this.#endpoint} is compacted: its oldest revision is ${compactRevision}.`,
          );
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return;
    // etcd holds on to a watch that a compaction has ended, until it is told that nobody else does.
    if (compactRevision !== '0') this.#call.write({ cancel_request: { watch_id: watchId } });
    this.#forget(watch, failure);
  }

  #deliver(answer: WatchAnswer): void {
    const watch = this.#watches.get(answer.watchId);
    if (watch === undefined) return;
    this.#waitingBytes += answer.bytes;
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#call.pause();
    watch.tellEvents(answer);
  }

  #progress({ header }: WatchAnswer): void {
    this.#answered++;
    if (!this.#trustsProgress()) return;
    const told = [...this.#watches.values()].map((watch) => watch.tellProgress(header.revision, this.#answered));
    if (told.every(Boolean)) this.#askAfterMs = ASK_EVERY_MS;
  }

  #tellAlive(): void {
    const now = systemTiming.now();
    if (now - this.#toldAliveAt < ALIVE_EVERY_MS) return;
    this.#toldAliveAt = now;
    for (const watch of this.#watches.values()) watch.tellAlive();
  }

  #taken(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (this.#waitingBytes <= MOST_WAITING_BYTES / 2 && this.#call.isPaused()) this.#call.resume();
  }

  /** The server has ended this one. */
  #forget(watch: StreamWatch, failure: WatchError): void {
    this.#watches.delete(watch.id);
    watch.fail(failure);
    this.endIfUnused();
  }

  /** Its reader has ended it. */
  #left(watch: StreamWatch): void {
    if (!this.#watches.delete(watch.id)) return;
    if (watch.isCreated && !this.ended) this.#call.write({ cancel_request: { watch_id: watch.id } });
    this.endIfUnused();
  }

  #scheduleAsk(): void {
    this.#cancelAsk();
    const dueIn = this.#askedAt + this.#askAfterMs - systemTiming.now();
    this.#cancelAsk = systemTiming.schedule(Math.max(0, dueIn), () => {
      this.#call.write({ progress_request: {} });
      this.#asked++;
      this.#askedAt = systemTiming.now();
      this.#askAfterMs = Math.min(this.#askAfterMs * 2, ASK_EVERY_MS);
      this.#scheduleAsk();
    });
  }

  #end(failure: WatchError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#cancelAsk();
    this.#call.cancel();
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    for (const watch of watches) watch.fail(failure);
  }

  /** The server's words for an error, in a reply that is none. */
  #refusal(reason: string): WatchError {
    const error = Object.assign(new Error('watch cancelled'), { code: CANCELLED, details: reason });
    return toWatchError(error, this.#endpoint);
  }
}

/** The watch id of a progress reply, which speaks for the whole stream. */
const EVERY_WATCH = '-1';
/** gRPC's status code. */
const CANCELLED = 1;
