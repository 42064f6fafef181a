import { WatchError } from './errors.js';

/** Failures in a row after which an endpoint rests, and for how long, while another is available. */
const FAILURES_BEFORE_REST = 3;
const REST_MS = 10_000;

interface Health {
  failures: number;
  restsUntil: number;
  lastError?: WatchError;
}

/**
 * Which endpoint of a cluster to use next: stays with one while it works, moves on when it fails, lets a repeatedly
 * failing one rest. Pure bookkeeping; adapters connect and report. The order is shuffled once, so that many processes
 * spread over a cluster.
 */
export class Endpoints {
  readonly #order: readonly string[];
  readonly #health = new Map<string, Health>();
  readonly #now: () => number;
  #current = 0;

  /** @param addresses at least one. */
  constructor(addresses: readonly string[], timing: { now(): number; random(): number }) {
    this.#now = timing.now;
    this.#order = shuffle([...new Set(addresses)], timing.random);
    for (const address of this.#order) this.#health.set(address, { failures: 0, restsUntil: 0 });
  }

  /** The endpoint to use now. With all at rest, the one whose rest ends first: backoff alone paces then. */
  pick(): string {
    const now = this.#now();
    const candidates = this.#order.map((_, i) => this.#order[(this.#current + i) % this.#order.length] as string);
    const rested = candidates.find((address) => this.#of(address).restsUntil <= now);
    return rested ?? candidates.reduce((a, b) => (this.#of(b).restsUntil < this.#of(a).restsUntil ? b : a));
  }

  succeeded(address: string): void {
    this.#health.set(address, { failures: 0, restsUntil: 0 });
    this.#current = this.#order.indexOf(address);
  }

  /**
   * Reports a failure; the next `pick` is another endpoint where there is one.
   * @returns what to throw: NO_HEALTHY_ENDPOINT with each one's last error when none of several works, else the error.
   */
  failed(address: string, error: WatchError): WatchError {
    const health = this.#of(address);
    health.failures++;
    health.lastError = error;
    if (health.failures >= FAILURES_BEFORE_REST) health.restsUntil = this.#now() + REST_MS;
    if (this.#order[this.#current] === address) this.#current = (this.#current + 1) % this.#order.length;
    if (this.#order.length === 1 || this.#order.some((each) => this.#of(each).failures === 0)) return error;
    const each = this.#order.map((one) => `${one}: ${this.#of(one).lastError?.message}`).join('; ');
    const options = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
    return new WatchError('NO_HEALTHY_ENDPOINT', `No endpoint works (${each}).`, { cause: error, ...options });
  }

  #of(address: string): Health {
    const health = this.#health.get(address);
    if (health === undefined) throw new WatchError('INTERNAL', `${address} is not one of the endpoints.`);
    return health;
  }
}

/** Fisher-Yates. */
function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
