import { WatchError } from '../model/errors.js';
import { untilAborted } from '../runtime/abort.js';
import { delay, type Timing } from '../runtime/timing.js';
import { DialBoard } from './dialBoard.js';
import { asksForPatience, isLinkFailure, isOfTheEndpoint, noEndpointWorks, tryAnother } from './endpointFailure.js';
import { Outage } from './outage.js';

/** A silent endpoint is not used for this long, ms, while another is available. */
const REST_MS = 10_000;
/** After a loss, callers move to another endpoint at a random time within this, ms. */
const MOVE_WITHIN_MS = 250;
/** After an endpoint has worked for this long, ms, its next failure is a new outage, whose first dial is quick. */
const HEALTHY_AFTER_MS = 10_000;
/**
 * An endpoint that asks for a wait without saying how long is not used for this long, ms, while another is available.
 */
const PATIENCE_MS = 1_000;
/** The longest Retry-After that is obeyed, ms: one wrong header must not exclude an endpoint for good. */
const MOST_PATIENCE_MS = 3_600_000;
/** Callers that continue in one turn of the event loop, once an endpoint answers. */
const RELEASED_AT_ONCE = 50;

/** An adapter's connection to one endpoint: sockets, a login, streams. */
export interface Connection {
  /** `host:port` */
  readonly endpoint: string;
  /** Closes the connection: new calls fail, and sockets close once no call needs them. Idempotent. */
  close(): void;
}

export interface PoolOptions<C extends Connection> {
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[];
  readonly timing: Timing;
  /** The board of the registry, from `OpenOptions`. Default: a board of its own. */
  readonly dials?: DialBoard | undefined;
  /** Pools with the same scheme reach an endpoint in the same way: `etcds`. */
  readonly scheme: string;
  /** Makes a connection. @throws WatchError for options that cannot be used. */
  open(endpoint: string): C | Promise<C>;
  /** Connects, and asks whether the server can answer. @throws WatchError if it cannot. */
  dial(connection: C, signal: AbortSignal): Promise<void>;
}

/** One endpoint and its state. */
interface PoolMember<C> {
  readonly endpoint: string;
  connection: C | undefined;
  /** Set while the endpoint is not known to answer. */
  outage: Outage | undefined;
  failedAt: number;
  lastError: WatchError | undefined;
  /** Whether the connection has worked since it was opened. */
  worked: boolean;
  /** When a dial last ended an outage. */
  recoveredAt: number;
  /** The endpoint is not used before this time, while another is available. */
  restsUntil: number;
  /** The endpoint asked for no requests before this time. */
  patienceUntil: number;
}

interface PoolWaiter<C> {
  readonly failed: Set<PoolMember<C>>;
  settle(error?: WatchError): void;
}

/**
 * The endpoints of one cluster, and a connection to each that is in use. It stays with one endpoint while that works,
 * and moves to another when it fails. If none answers, all callers wait for the same dials, and continue when one
 * succeeds. The order is shuffled at the start, so that many processes spread over a cluster.
 */
export class Pool<C extends Connection> {
  readonly size: number;
  readonly #options: PoolOptions<C>;
  readonly #timing: Timing;
  readonly #dials: DialBoard;
  readonly #members: PoolMember<C>[];
  readonly #waiters = new Set<PoolWaiter<C>>();
  #current = 0;
  /** No caller moves to another endpoint before this time: 200 processes may have lost the same one. */
  #moveAt = Number.NEGATIVE_INFINITY;
  #closed: WatchError | undefined;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
    this.#timing = options.timing;
    this.#dials = options.dials ?? new DialBoard();
    const endpoints = [...new Set(options.endpoints)];
    this.size = endpoints.length;
    this.#members = shuffle(endpoints, () => options.timing.random()).map((endpoint) => ({
      endpoint,
      connection: undefined,
      outage: undefined,
      failedAt: Number.NEGATIVE_INFINITY,
      lastError: undefined,
      worked: false,
      recoveredAt: Number.NEGATIVE_INFINITY,
      restsUntil: Number.NEGATIVE_INFINITY,
      patienceUntil: Number.NEGATIVE_INFINITY,
    }));
  }

  /**
   * A connection to the current endpoint, which several callers share. While no endpoint answers, it waits for a dial.
   * @throws WatchError with `pacedMs` after a round of dials that all failed: try again at once. With `retryAfterMs` if
   *   every endpoint asks for a wait. CLOSED; or the signal's reason.
   */
  async acquire(signal: AbortSignal): Promise<C> {
    for (;;) {
      if (this.#closed !== undefined) throw this.#closed;
      signal.throwIfAborted();
      const member = this.#pick();
      const waitMs = this.#moveAt - this.#timing.now();
      if (member === undefined) await this.#dialled(signal);
      else if (waitMs > 0) await delay(this.#timing, waitMs, signal);
      else return this.#connectionTo(member);
    }
  }

  /** Reports that the endpoint has worked. */
  succeeded({ endpoint }: C): void {
    const member = this.#of(endpoint);
    if (member.outage !== undefined) return;
    member.lastError = undefined;
    member.worked = true;
    this.#current = this.#members.indexOf(member);
  }

  /**
   * Reports a failure. If the endpoint may be its cause, the connection is closed, and the next `acquire` moves to
   * another endpoint or waits for a dial. Calls that still run on the connection go on.
   * @returns the error to throw.
   */
  failed(connection: C, thrown: unknown): WatchError {
    const error = WatchError.from(thrown);
    if (!isOfTheEndpoint(error)) return error;
    const member = this.#of(connection.endpoint);
    if (member.connection === connection) {
      if (asksForPatience(error)) this.#spare(member, error);
      else this.#lost(member, error);
    }
    return this.#verdict(error, false);
  }

  /** Closes all connections; pending `acquire` calls reject with CLOSED. Idempotent. */
  close(message: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = new WatchError('CLOSED', message);
    for (const member of this.#members) {
      member.outage?.pause();
      member.connection?.close();
      member.connection = undefined;
    }
    for (const waiter of [...this.#waiters]) waiter.settle(this.#closed);
  }

  /** The endpoint to use; undefined if every endpoint is in an outage or asked for a wait. */
  #pick(): PoolMember<C> | undefined {
    const now = this.#timing.now();
    const inTurn = this.#inTurn().filter(({ patienceUntil }) => patienceUntil <= now);
    return (
      inTurn.find(({ outage, restsUntil }) => outage === undefined && restsUntil <= now) ??
      // It failed long ago, and was not tried since.
      inTurn.find(({ failedAt, restsUntil }) => now - failedAt > REST_MS && restsUntil <= now)
    );
  }

  async #connectionTo(member: PoolMember<C>): Promise<C> {
    const opened = member.connection ?? (await this.#options.open(member.endpoint));
    if (this.#closed !== undefined) {
      opened.close();
      throw this.#closed;
    }
    // Another caller may have opened one meanwhile.
    if (member.connection !== undefined && member.connection !== opened) opened.close();
    member.connection ??= opened;
    this.#recovered(member);
    return member.connection;
  }

  /** Waits until a dial succeeds. @throws WatchError once every dialled endpoint has failed. */
  async #dialled(signal: AbortSignal): Promise<void> {
    const now = this.#timing.now();
    const dialled = this.#members.filter(({ patienceUntil }) => patienceUntil <= now);
    const [first] = this.#inTurn();
    if (dialled.length === 0 && first?.lastError !== undefined) throw this.#verdict(first.lastError, false);
    let settle: PoolWaiter<C>['settle'] = () => {};
    const waiting = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    const waiter: PoolWaiter<C> = { failed: new Set(), settle };
    this.#waiters.add(waiter);
    for (const member of dialled) {
      member.outage ??= this.#outageOf(member);
      member.outage.run();
    }
    try {
      await untilAborted(waiting, signal);
    } finally {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) for (const { outage } of this.#members) outage?.pause();
    }
  }

  #outageOf(member: PoolMember<C>): Outage {
    const relapse = this.#timing.now() - member.recoveredAt < HEALTHY_AFTER_MS;
    const options = {
      timing: this.#timing,
      board: this.#dials,
      endpoint: `${this.#options.scheme}://${member.endpoint}`,
      dial: (signal: AbortSignal) => this.#dial(member, signal),
      onFailure: (error: WatchError) => this.#stillOut(member, error),
      onSuccess: () => this.#answered(member),
    };
    return new Outage(options, relapse);
  }

  async #dial(member: PoolMember<C>, signal: AbortSignal): Promise<void> {
    const connection = await this.#options.open(member.endpoint);
    try {
      await this.#options.dial(connection, signal);
      signal.throwIfAborted();
    } catch (error) {
      connection.close();
      throw error;
    }
    member.connection?.close();
    member.connection = connection;
  }

  #answered(member: PoolMember<C>): void {
    this.#recovered(member);
    member.recoveredAt = this.#timing.now();
    member.restsUntil = Number.NEGATIVE_INFINITY;
    this.#current = this.#members.indexOf(member);
    this.#release([...this.#waiters]);
  }

  #recovered(member: PoolMember<C>): void {
    member.outage?.pause();
    member.outage = undefined;
  }

  #stillOut(member: PoolMember<C>, error: WatchError): void {
    member.failedAt = this.#timing.now();
    member.lastError = error;
    const now = this.#timing.now();
    if (asksForPatience(error)) this.#spare(member, error);
    const dialled = this.#members.filter(({ patienceUntil }) => patienceUntil <= now);
    const waiters = [...this.#waiters];
    for (const waiter of waiters) waiter.failed.add(member);
    const over = waiters.filter(({ failed }) => dialled.every((each) => failed.has(each)));
    if (over.length > 0) this.#release(over, this.#verdict(error, true));
  }

  /** In slices: a thousand watches that continue in one turn would hold the event loop. */
  #release(waiters: readonly PoolWaiter<C>[], error?: WatchError): void {
    for (const waiter of waiters.slice(0, RELEASED_AT_ONCE)) waiter.settle(error);
    const later = waiters.slice(RELEASED_AT_ONCE);
    if (later.length > 0) setImmediate(() => this.#release(later, error));
  }

  /** The endpoint is not used until a dial succeeds. */
  #lost(member: PoolMember<C>, error: WatchError): void {
    const now = this.#timing.now();
    member.connection?.close();
    member.connection = undefined;
    member.outage ??= this.#outageOf(member);
    if (this.size > 1 && member.worked && isLinkFailure(error))
      this.#moveAt = now + this.#timing.random() * MOVE_WITHIN_MS;
    member.worked = false;
    member.failedAt = now;
    member.lastError = error;
    if (error.code === 'SILENT' || error.code === 'TIMEOUT') member.restsUntil = now + REST_MS;
    this.#moveOn(member);
  }

  /** The endpoint answers and asks for a wait: for the time it names; or, while another is available, for a moment. */
  #spare(member: PoolMember<C>, error: WatchError): void {
    const now = this.#timing.now();
    member.lastError = error;
    if (error.retryAfterMs !== undefined) member.patienceUntil = now + Math.min(error.retryAfterMs, MOST_PATIENCE_MS);
    else if (this.size > 1) member.restsUntil = now + PATIENCE_MS;
    this.#moveOn(member);
  }

  #moveOn(member: PoolMember<C>): void {
    if (this.#members[this.#current] === member) this.#current = (this.#current + 1) % this.size;
  }

  /**
   * The error for a failure of an endpoint. Once a dial has shown that nobody answers, this pool paces the next
   * attempt. A failure after a dial that succeeded is paced by the core, unless nobody answers any more.
   */
  #verdict(error: WatchError, byDial: boolean): WatchError {
    if (this.size > 1 && this.#pick() !== undefined) {
      return tryAnother(error, Math.max(0, this.#moveAt - this.#timing.now()));
    }
    const failures = this.#members.map(({ endpoint, lastError }) => ({ endpoint, error: lastError }));
    if (asksForPatience(error)) {
      return noEndpointWorks(
        failures,
        error,
        error.retryAfterMs === undefined ? {} : { retryAfterMs: this.#patienceMs() },
      );
    }
    const paces = byDial || isLinkFailure(error);
    return noEndpointWorks(failures, error, paces ? { pacedMs: this.#nextDialInMs() } : {});
  }

  /** Time until the first endpoint may be asked again, ms. */
  #patienceMs(): number {
    return Math.max(0, Math.min(...this.#members.map(({ patienceUntil }) => patienceUntil)) - this.#timing.now());
  }

  #nextDialInMs(): number {
    return Math.min(...this.#members.map(({ outage }) => outage?.dueInMs ?? 0));
  }

  #inTurn(): PoolMember<C>[] {
    return [...this.#members.slice(this.#current), ...this.#members.slice(0, this.#current)];
  }

  #of(endpoint: string): PoolMember<C> {
    const member = this.#members.find((each) => each.endpoint === endpoint);
    if (member === undefined) throw new WatchError('INTERNAL', `${endpoint} is not one of the endpoints.`);
    return member;
  }
}

/** The Fisher-Yates shuffle. */
function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
