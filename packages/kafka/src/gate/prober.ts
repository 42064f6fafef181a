import { backoffMs, type Endpoint, formatEndpoint, type Timing, WatchError } from '@rollcall/core';
import type { Gate } from './types.js';

/** How many brokers are asked at once. */
const AT_ONCE = 8;

/** How long a round may go on before what is known by then is told, in timeouts of one probe. */
const PATIENCE = 2;

/** What a broker said last, or why it did not. */
export type Probed = { readonly clusterId: string } | { readonly error: WatchError };

export interface ProberOptions {
  readonly gate: Pick<Gate, 'probe'>;
  readonly timing: Timing;
  /** For one broker, ms. */
  readonly timeoutMs: number;
  /** There is news: a round is over, or has gone on for two timeouts. May call `follow`. */
  readonly onNews: () => void;
}

/**
 * Asks brokers for their cluster, 8 at once, and those that give no good answer again and again, with backoff. A newer
 * set of them joins the round that is under way, so that a registry that never rests cannot keep it from ending.
 */
export class Prober {
  readonly #options: ProberOptions;
  /** The oldest answer first. */
  readonly #results = new Map<string, Probed>();
  readonly #asking = new Map<string, AbortController>();
  #wanted: ReadonlyMap<string, Endpoint> = new Map();
  #queue: string[] = [];
  #failedRounds = 0;
  #cancelPatience: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** By address, of those that are followed now; not asked or not answered yet: not there. */
  get results(): ReadonlyMap<string, Probed> {
    return this.#results;
  }

  /** Asks all of these, also those that have answered before: an address may have got another owner. */
  follow(endpoints: Iterable<Endpoint>): void {
    this.#wanted = new Map([...endpoints].map((endpoint) => [formatEndpoint(endpoint), endpoint]));
    for (const [address, asking] of this.#asking) {
      if (this.#wanted.has(address)) continue;
      asking.abort();
      this.#asking.delete(address);
    }
    for (const address of [...this.#results.keys()]) if (!this.#wanted.has(address)) this.#results.delete(address);
    this.#failedRounds = 0;
    // Unknown ones first, then by the age of the answer: in a round that never ends everybody has his turn.
    const unknown = [...this.#wanted.keys()].filter((address) => !this.#results.has(address));
    this.#begin([...unknown, ...this.#results.keys()]);
  }

  /** Asks no more and tells nothing more. Idempotent. */
  stop(): void {
    this.#wanted = new Map();
    this.#queue = [];
    this.#cancelPatience?.();
    this.#cancelRetry?.();
    for (const asking of this.#asking.values()) asking.abort();
    this.#asking.clear();
  }

  #begin(addresses: readonly string[]): void {
    this.#cancelRetry?.();
    this.#queue = addresses.filter((address) => !this.#asking.has(address));
    if (this.#cancelPatience === undefined) this.#wait();
    this.#goOn();
  }

  /** Not begun anew by a newer set: what is known is told in time, however often the set changes. */
  #wait(): void {
    const { timing, timeoutMs, onNews } = this.#options;
    this.#cancelPatience = timing.schedule(PATIENCE * timeoutMs, () => {
      this.#wait();
      onNews();
    });
  }

  #goOn(): void {
    while (this.#asking.size < AT_ONCE) {
      const address = this.#queue.shift();
      const endpoint = address === undefined ? undefined : this.#wanted.get(address);
      if (address === undefined || endpoint === undefined) break;
      void this.#ask(address, endpoint);
    }
    if (this.#asking.size === 0) this.#end();
  }

  async #ask(address: string, endpoint: Endpoint): Promise<void> {
    const { gate, timeoutMs } = this.#options;
    const asking = new AbortController();
    this.#asking.set(address, asking);
    const probed = await gate.probe(endpoint, { signal: asking.signal, timeoutMs }).then(
      ({ clusterId }): Probed => ({ clusterId }),
      (error: unknown): Probed => ({ error: WatchError.from(error) }),
    );
    if (asking.signal.aborted) return;
    this.#asking.delete(address);
    this.#results.delete(address);
    this.#results.set(address, probed);
    this.#goOn();
  }

  #end(): void {
    const { timing, onNews } = this.#options;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    const unproven = [...this.#results].flatMap(([address, probed]) => ('error' in probed ? [address] : []));
    if (unproven.length > 0) {
      this.#failedRounds++;
      const ms = backoffMs(this.#failedRounds, () => timing.random());
      this.#cancelRetry = timing.schedule(ms, () => this.#begin(unproven));
    }
    onNews();
  }
}
