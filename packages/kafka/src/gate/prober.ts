import { type BrokerAddress, type Timing, WatchError } from '@rollcall/core';
import { backoffMs } from '@rollcall/core/internal';
import type { ClusterView, Gate } from './types.js';

/**
 * The most known brokers that are asked at once. As many new ones are asked beside them, so that a new broker never
 * waits for dead ones.
 */
const AT_ONCE = 8;
/** How many timeouts of one request a list waits for new brokers that do not answer. */
const PATIENCE = 2;
/** After a good answer a broker is not asked again for this long, ms, however often the registry changes. */
const GOOD_MS = 30_000;

/** A broker's last answer, or its last error. */
export type ProbeResult =
  | {
      readonly clusterId: string;
      /** The broker's node id; undefined if the cluster advertises the broker at another address. */
      readonly nodeId?: number;
    }
  | { readonly error: WatchError };

export interface ProberOptions {
  readonly gate: Pick<Gate, 'probe'>;
  readonly timing: Timing;
  /** Time for one broker's answer, ms. */
  readonly timeoutMs: number;
  /**
   * Called when all new brokers were asked, when that takes too long, and when an answer changed. It may call `follow`.
   */
  readonly onNews: () => void;
}

/** One address that is asked. */
interface ProbeSubject {
  readonly address: BrokerAddress;
  probed: ProbeResult | undefined;
  /** Failed requests since the last good answer. */
  failures: number;
  /** `Timing.now()` of the next request; Infinity if none is planned. */
  dueAt: number;
  /** The request that is under way. */
  asking: AbortController | undefined;
  /** When the last good answer arrived. */
  goodAt: number;
}

/**
 * Asks brokers for their cluster, up to 8 new and 8 known ones at a time. A broker that failed is asked again with a
 * backoff of its own. One that answered well is asked again after a change of the registry, because its address may
 * belong to another broker by then, and at the earliest 30 s after that answer.
 */
export class Prober {
  readonly #options: ProberOptions;
  /** Known addresses; the one that was asked longest ago comes first. */
  #subjects = new Map<string, ProbeSubject>();
  /** New addresses that were not asked yet; the next one is last. */
  #fresh: ProbeSubject[] = [];
  /** Requests under way: to new brokers, and to known ones. */
  readonly #asking = { fresh: 0, known: 0 };
  /** `Timing.now()` at which the next known broker is due, or earlier; Infinity if none is planned. */
  #nextAt = Number.POSITIVE_INFINITY;
  #cancelPatience: (() => void) | undefined;
  #cancelNext: (() => void) | undefined;
  #stopped = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Answers by address, for followed addresses; one without an answer yet is missing. */
  get results(): ReadonlyMap<string, ProbeResult> {
    const known = [...this.#subjects].flatMap(([text, { probed }]) => (probed === undefined ? [] : [[text, probed]]));
    return new Map(known as [string, ProbeResult][]);
  }

  /** Replaces the followed addresses. */
  follow(addresses: Iterable<BrokerAddress>): void {
    const wanted = new Map(Array.from(addresses, (address) => [String(address), address]));
    for (const [text, subject] of [...this.#subjects]) {
      if (!wanted.delete(text)) {
        this.#drop(subject);
        this.#subjects.delete(text);
      } else if (subject.probed !== undefined && 'clusterId' in subject.probed) {
        subject.dueAt = subject.goodAt + GOOD_MS;
      }
    }
    for (const [text, address] of wanted) this.#subjects.set(text, newSubject(address));
    this.#fresh = [...this.#subjects.values()].filter(isFresh).reverse();
    this.#nextAt = Number.NEGATIVE_INFINITY;
    if (this.#waitsForNew) this.#wait();
    this.#goOn();
    this.#tell();
  }

  /** Stops all requests and callbacks. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#cancelPatience?.();
    this.#cancelNext?.();
    for (const subject of this.#subjects.values()) this.#drop(subject);
    this.#subjects.clear();
    this.#fresh = [];
  }

  #drop(subject: ProbeSubject): void {
    if (subject.asking !== undefined) this.#asking[kindOf(subject)]--;
    subject.asking?.abort();
    subject.asking = undefined;
  }

  /** Whether a new broker has not answered yet. */
  get #waitsForNew(): boolean {
    return this.#fresh.length > 0 || this.#asking.fresh > 0;
  }

  /** A report waits for new brokers for a limited time, which further new brokers do not extend. */
  #wait(): void {
    const { timing, timeoutMs, onNews } = this.#options;
    this.#cancelPatience ??= timing.schedule(PATIENCE * timeoutMs, () => {
      this.#cancelPatience = undefined;
      if (this.#waitsForNew) this.#wait();
      onNews();
    });
  }

  #tell(): void {
    if (this.#stopped || this.#waitsForNew) return;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#options.onNews();
  }

  /** Starts as many requests as are free, and plans the next call. */
  #goOn(): void {
    const { timing } = this.#options;
    while (this.#asking.fresh < AT_ONCE) {
      const subject = this.#fresh.pop();
      if (subject === undefined) break;
      void this.#ask(subject);
    }
    const now = timing.now();
    // The loop runs only if some broker may be due: a hostile registry names 10,000 that do not answer.
    if (this.#nextAt <= now && this.#asking.known < AT_ONCE) this.#askDue(now);
    this.#cancelNext?.();
    this.#cancelNext = undefined;
    // A broker that waits for a free request is asked when an answer frees one.
    if (this.#asking.known === AT_ONCE || this.#nextAt === Number.POSITIVE_INFINITY) return;
    this.#cancelNext = timing.schedule(Math.max(0, this.#nextAt - now), () => this.#goOn());
  }

  #askDue(now: number): void {
    this.#nextAt = Number.POSITIVE_INFINITY;
    for (const subject of [...this.#subjects.values()]) {
      if (subject.asking !== undefined || subject.probed === undefined) continue;
      if (subject.dueAt <= now && this.#asking.known < AT_ONCE) void this.#ask(subject);
      else this.#nextAt = Math.min(this.#nextAt, subject.dueAt);
    }
  }

  async #ask(subject: ProbeSubject): Promise<void> {
    const { gate, timing, timeoutMs } = this.#options;
    const asking = new AbortController();
    const kind = kindOf(subject);
    const text = String(subject.address);
    // Goes through all: if more are due than requests are free, the one asked longest ago must come first.
    this.#subjects.delete(text);
    this.#subjects.set(text, subject);
    this.#asking[kind]++;
    subject.asking = asking;
    subject.dueAt = Number.POSITIVE_INFINITY;
    const probed = await gate.probe(subject.address, { signal: asking.signal, timeoutMs }).then(
      (view): ProbeResult => answerOf(subject.address, view),
      (error: unknown): ProbeResult => ({ error: WatchError.from(error) }),
    );
    if (asking.signal.aborted) return;
    this.#asking[kind]--;
    subject.asking = undefined;
    const isNews = !isSame(subject.probed, probed);
    subject.probed = probed;
    // follow() may have been called meanwhile, and have planned another request.
    subject.dueAt = Number.POSITIVE_INFINITY;
    if ('error' in probed) {
      subject.failures++;
      subject.dueAt = timing.now() + backoffMs(subject.failures, () => timing.random());
    } else {
      subject.failures = 0;
      subject.goodAt = timing.now();
    }
    this.#nextAt = Math.min(this.#nextAt, subject.dueAt);
    this.#goOn();
    if (isNews) this.#tell();
  }
}

function isFresh({ probed, asking }: ProbeSubject): boolean {
  return probed === undefined && asking === undefined;
}

function kindOf({ probed }: ProbeSubject): 'fresh' | 'known' {
  return probed === undefined ? 'fresh' : 'known';
}

/** Whether two answers mean the same for the list. */
function isSame(a: ProbeResult | undefined, b: ProbeResult): boolean {
  if (a === undefined) return false;
  if ('error' in a || 'error' in b) {
    return 'error' in a && 'error' in b && a.error.code === b.error.code && a.error.message === b.error.message;
  }
  return a.clusterId === b.clusterId && a.nodeId === b.nodeId;
}

function newSubject(address: BrokerAddress): ProbeSubject {
  const never = { dueAt: Number.POSITIVE_INFINITY, goodAt: Number.NEGATIVE_INFINITY };
  return { address, probed: undefined, failures: 0, asking: undefined, ...never };
}

function answerOf(address: BrokerAddress, { clusterId, brokers }: ClusterView): ProbeResult {
  const own = brokers.find(({ host, port }) => host === address.host && port === address.port);
  return { clusterId, ...(own && { nodeId: own.nodeId }) };
}
