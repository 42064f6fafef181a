import type { Revision, Timing } from '@rollcall/core';
import type { WatchAnswer } from '../rpc/messages.js';
import type { KeyRange, WatchRequest } from '../rpc/requests.js';
import type { StreamWatch } from './streamWatch.js';

/** Our watch ids begin at a random number above this, so that a server that numbers from 0 on does not use the same. */
const FIRST_ID = 2 ** 40;
const SPREAD = 2 ** 50;

interface Creation {
  readonly watch: StreamWatch;
  readonly range: KeyRange;
  readonly start: Revision;
}

/**
 * The watches of one stream that the server has not confirmed yet. The client may choose a watch's id, and a server
 * that accepts it echoes it. `etcd grpc-proxy`, etcd before 3.4 and imitations of etcd choose ids themselves, confirm
 * watches in another order, and refuse them without an id. So one creation is under way at a time, until an echo proves
 * that our ids are used.
 */
export class Creations {
  readonly #send: (request: WatchRequest) => void;
  readonly #waiting: Creation[] = [];
  /** Sent creations in order, by the requested id. */
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

  /** Creations that wait because the server chooses ids itself. */
  get queue(): number {
    return this.#numbering === 'theirs' ? this.#waiting.length : 0;
  }

  add(watch: StreamWatch, range: KeyRange, start: Revision): void {
    this.#waiting.push({ watch, range, start });
    this.#sendNext();
  }

  /** The watch that an answer confirms or refuses; undefined if it is none of ours. */
  confirmed({ watchId, canceled }: WatchAnswer): StreamWatch | undefined {
    const [oldest] = this.#sent.keys();
    // A refusal may have no id. A server with our ids answers in order; any other has one request at a time.
    const id = this.#sent.has(watchId) ? watchId : this.#numbering === 'ours' && !canceled ? undefined : oldest;
    if (id === undefined) return undefined;
    const watch = this.#sent.get(id);
    this.#sent.delete(id);
    if (!canceled && this.#numbering === 'unknown') this.#numbering = id === watchId ? 'ours' : 'theirs';
    this.#sendNext();
    return watch;
  }

  /** The reader has left. If the creation was sent, the watch is cancelled at its confirmation. */
  forget(watch: StreamWatch): void {
    const at = this.#waiting.findIndex((creation) => creation.watch === watch);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** Clears all. @returns the watches that were not confirmed. */
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
