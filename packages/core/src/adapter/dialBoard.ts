import type { WatchError } from '../model/errors.js';
import { isLinkFailure } from './endpointFailure.js';

/** An outage that waits for an endpoint. */
export interface Dialler {
  /** Called to make this outage dial, for all that wait for the endpoint. */
  lead(): void;
  /** Called when the leader's dial has failed. */
  told(error: WatchError): void;
  /** Called when the leader's dial has succeeded: this outage dials for itself, at once. */
  goOn(): void;
}

/**
 * The outages of one registry, by endpoint. Sources with different credentials have separate connections, and lose the
 * same server together. One of them, the leader, dials every 0.5 to 1 s and passes the result on to the others.
 */
export class DialBoard {
  readonly #waiting = new Map<string, Set<Dialler>>();

  /** @returns whether this outage leads, because no other waits for the endpoint. */
  join(endpoint: string, dialler: Dialler): boolean {
    const waiting = this.#waiting.get(endpoint) ?? new Set();
    this.#waiting.set(endpoint, waiting);
    waiting.add(dialler);
    return waiting.size === 1;
  }

  /** Removes an outage. If it led, the next one leads. */
  leave(endpoint: string, dialler: Dialler): void {
    const waiting = this.#waiting.get(endpoint);
    const [leader] = waiting ?? [];
    if (waiting?.delete(dialler) !== true) return;
    const [next] = waiting;
    if (next === undefined) this.#waiting.delete(endpoint);
    else if (leader === dialler) next.lead();
  }

  /**
   * The leader's dial has failed. If its own options may be the cause (a wrong certificate), the others dial for
   * themselves.
   */
  failed(endpoint: string, leader: Dialler, error: WatchError): void {
    if (!isLinkFailure(error)) this.#release(endpoint, leader);
    else for (const each of this.#others(endpoint, leader)) each.told(error);
  }

  /** The leader's dial has succeeded. */
  answered(endpoint: string, leader: Dialler): void {
    const others = this.#release(endpoint, leader);
    if (others === 0) this.#waiting.delete(endpoint);
  }

  #release(endpoint: string, leader: Dialler): number {
    const others = this.#others(endpoint, leader);
    for (const each of others) this.#waiting.get(endpoint)?.delete(each);
    for (const each of others) each.goOn();
    return others.length;
  }

  #others(endpoint: string, leader: Dialler): Dialler[] {
    return [...(this.#waiting.get(endpoint) ?? [])].filter((each) => each !== leader);
  }
}
