import { type ErrorCode, WatchError } from '../model/errors.js';

/** Errors that another endpoint of the same cluster may not have. */
const OF_THE_ENDPOINT: ReadonlySet<ErrorCode> = new Set([
  'BAD_RESPONSE',
  'ENDED',
  'INTERNAL',
  'RATE_LIMITED',
  'TIMEOUT',
  'TLS',
  'UNAVAILABLE',
  'UNREACHABLE',
]);

/** Whether a failure may be the endpoint's own, so that it is worth trying another: not so a wrong password. */
export function isOfTheEndpoint(error: WatchError): boolean {
  return OF_THE_ENDPOINT.has(error.code);
}

/** Failures in a row after which an endpoint rests, and for how long, while another is available. */
const FAILURES_BEFORE_REST = 3;
const REST_MS = 10_000;

interface Health {
  failures: number;
  restsUntil: number;
  /** How often any endpoint had worked when this one failed last. */
  failedAfter?: number;
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
  #successes = 0;

  /** @param addresses at least one. */
  constructor(addresses: readonly string[], timing: { now(): number; random(): number }) {
    this.#now = () => timing.now();
    this.#order = shuffle([...new Set(addresses)], () => timing.random());
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
    this.#successes++;
    this.#health.set(address, { failures: 0, restsUntil: 0 });
    this.#current = this.#order.indexOf(address);
  }

  /**
   * Reports a failure of the endpoint's own; the next `pick` is another one where there is one.
   * @returns what to throw, as `verdict` says.
   */
  failed(address: string, error: WatchError): WatchError {
    const health = this.#of(address);
    health.failures++;
    health.lastError = error;
    health.failedAfter = this.#successes;
    if (health.failures >= FAILURES_BEFORE_REST) health.restsUntil = this.#now() + REST_MS;
    if (this.#order[this.#current] === address) this.#current = (this.#current + 1) % this.#order.length;
    return this.verdict(error);
  }

  /**
   * What to throw for a failure that is reported already, by another call on the same connection: the error; among several
   * endpoints a retryable one as long as there is another that has not failed since any of them worked (TLS is fatal, but
   * one member's bad certificate must not end what the others can serve), then NO_HEALTHY_ENDPOINT with each one's last
   * error, or the TLS error when all have one.
   */
  verdict(error: WatchError): WatchError {
    if (this.#order.length === 1) return error;
    const all = this.#order.map((one) => this.#of(one));
    if (all.some(({ failedAfter }) => failedAfter !== this.#successes)) {
      return error.retryable ? error : new WatchError('UNREACHABLE', error.message, { cause: error });
    }
    if (all.every(({ lastError }) => lastError?.retryable === false)) return error;
    const each = this.#order.map((one) => said(one, this.#of(one).lastError)).join('; ');
    const options = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
    return new WatchError('NO_HEALTHY_ENDPOINT', `No endpoint works (${each}).`, { cause: error, ...options });
  }

  #of(address: string): Health {
    const health = this.#health.get(address);
    if (health === undefined) throw new WatchError('INTERNAL', `${address} is not one of the endpoints.`);
    return health;
  }
}

/** The error's message as a part of a sentence, with the address where it names none. */
function said(address: string, error: WatchError | undefined): string {
  const message = error?.message.replace(/\.$/, '') ?? '';
  return message.includes(address) ? message : `${address}: ${message}`;
}

/** Fisher-Yates. */
function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
