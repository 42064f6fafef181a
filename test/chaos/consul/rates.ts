import type { IncomingMessage } from 'node:http';
import { BACKOFF } from '../backoff.js';
import type { Difference } from '../difference.js';

/**
 * How many requests a second are allowed for each target after a burst of 5. For blocking queries this is what is
 * promised. Plain reads begin attempts, and what spaces attempts is their backoff, of which a chaos run waits only a part.
 */
const PER_SECOND = { plain: 10 / BACKOFF, blocking: 10 } as const;
const BURST = 5;
/**
 * What a link held up comes all at once. An attempt that fails at one server goes on to the two others at once, each with
 * a plain read.
 */
const SLACK = { plain: 5, blocking: 3 } as const;
/** The question whether a server can answer at all. */
const DIAL = '/v1/status/leader';
/** Parameters that say how is asked, not what for. */
const HOW = ['index', 'wait', 'consistent', 'stale', 'cached'];

/** A token bucket that may be overdrawn. */
class Bucket {
  /** The most that was lacking since it was looked at. */
  overdrawn = 0;
  readonly #perSecond: number;
  #tokens = BURST;
  #at = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  take(): void {
    const now = performance.now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond) - 1;
    this.#at = now;
    this.overdrawn = Math.max(this.overdrawn, -this.#tokens);
  }

  refill(): void {
    this.#tokens = BURST;
  }
}

interface Buckets {
  readonly plain: Bucket;
  readonly blocking: Bucket;
}

/**
 * Holds the requests that come in against the rate that is promised. Each attempt of a watch begins with a plain read and has a
 * burst of its own; how often attempts begin is what the backoff is for, and must keep within the same rate.
 */
export class Rates {
  readonly #targets = new Map<string, Buckets>();
  #requests = 0;
  #mostOverdrawn = 0;

  /** Requests that came so far. */
  get requests(): number {
    return this.#requests;
  }

  /** By how much the promised rate was exceeded at most, in requests; what waited in a link comes all at once. */
  get mostOverdrawn(): number {
    return this.#mostOverdrawn;
  }

  readonly note = ({ url = '' }: Pick<IncomingMessage, 'url'>): void => {
    this.#requests++;
    // Asked while nobody answers, and bounded by how often an endpoint is dialled: see the tests of the pool.
    if (url.startsWith(DIAL)) return;
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const plain = !searchParams.has('index');
    for (const name of HOW) searchParams.delete(name);
    const { plain: plains, blocking } = this.#of(`${pathname}?${searchParams}`);
    if (plain) {
      plains.take();
      blocking.refill();
    }
    blocking.take();
  };

  /** Which targets were asked for more often than is promised, since the last call. */
  check(): Difference[] {
    const wrong: Difference[] = [];
    for (const [target, buckets] of this.#targets) {
      for (const [name, bucket] of Object.entries(buckets) as [keyof Buckets, Bucket][]) {
        const { overdrawn } = bucket;
        bucket.overdrawn = 0;
        this.#mostOverdrawn = Math.max(this.#mostOverdrawn, overdrawn);
        if (overdrawn <= SLACK[name]) continue;
        const what = `${target}: ${name} requests above ${Math.round(PER_SECOND[name])} a second after a burst of ${BURST}`;
        wrong.push({ watcher: 'all', what, got: `${overdrawn.toFixed(1)} too many` });
      }
    }
    return wrong;
  }

  #of(target: string): Buckets {
    let buckets = this.#targets.get(target);
    if (buckets === undefined) {
      buckets = { plain: new Bucket(PER_SECOND.plain), blocking: new Bucket(PER_SECOND.blocking) };
      this.#targets.set(target, buckets);
    }
    return buckets;
  }
}
