import type { Revision, Timing } from '@rollcall/core';
import type { WatchAnswer } from '../rpc/messages.js';
import type { KeyRange, WatchRequest } from '../rpc/requests.js';
import type { StreamWatch } from './streamWatch.js';

/** Ids begin at random this high, so that a server that numbers by itself, from 0 on, does not hit upon ours. */
const FIRST_ID = 2 ** 40;
const SPREAD = 2 ** 50;

interface Creation {
  readonly watch: StreamWatch;
  readonly range: KeyRange;
  readonly start: Revision;
}

/**
 * The watches of one stream that the server has not confirmed yet. An id is ours to choose, and a server that takes it
 * echoes it. `etcd grpc-proxy`, etcd before 3.4 and stores that imitate etcd number watches by themselves, confirm them in
 * another order than asked, and refuse them under no id. So until an echo proves that ids are ours, and for ever where
 * they are not, one creation is under way at a time.
 */
export class Creations {
  readonly #send: (request: WatchRequest) => void;
  readonly #waiting: Creation[] = [];
  /** Sent, in order, by the id that was asked for. */
  readonly #sent = new Map<string, StreamWatch>();
  #nextId: number;
  #numbering: 'unknown' | 'ours' | 'theirs' = 'unknown';

  constructor(timing: Timing, send: (request: WatchRequest) => void) {
    this.#send = send;
    this.#nextId = FIRST_ID + Math.floor(timing.random() * SPREAD);
  }

  get backlog(): number {
    return this.#waiting.length + this.#sent.size;
  }

  /** How many wait for others because the server numbers by itself. */
  get queue(): number {
    return this.#numbering === 'theirs' ? this.#waiting.length : 0;
  }

  add(watch: StreamWatch, range: KeyRange, start: Revision): void {
    this.#waiting.push({ watch, range, start });
    this.#sendNext();
  }

  /** The watch that the server confirms or refuses; undefined for none of ours. */
  confirmed({ watchId, canceled }: WatchAnswer): StreamWatch | undefined {
    const [oldest] = this.#sent.keys();
    // A refusal may bear no id. A server that takes ours answers in the order of the requests, any other is asked once.
    const id = this.#sent.has(watchId) ? watchId : this.#numbering === 'ours' && !canceled ? undefined : oldest;
    if (id === undefined) return undefined;
    const watch = this.#sent.get(id);
    this.#sent.delete(id);
    if (!canceled && this.#numbering === 'unknown') this.#numbering = id === watchId ? 'ours' : 'theirs';
    this.#sendNext();
    return watch;
  }

  /** Its reader does not want it any more: what is sent already is cancelled when it is confirmed. */
  forget(watch: StreamWatch): void {
    const at = this.#waiting.findIndex((creation) => creation.watch === watch);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** @returns all that were not confirmed. */
  clear(): StreamWatch[] {
    const left = [...this.#sent.values(), ...this.#waiting.map(({ watch }) => watch)];
    this.#sent.clear();
    this.#waiting.length = 0;
    return left;
  }

  #sendNext(): void {
    while (this.#waiting.length > 0 && (this.#numbering === 'ours' || this.#sent.size === 0)) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const watchId = String(this.#nextId++);
      this.#sent.set(watchId, next.watch);
      this.#send({ type: 'create', range: next.range, start: next.start, watchId });
    }
  }
}
