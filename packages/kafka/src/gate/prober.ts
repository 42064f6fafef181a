import { type BrokerAddress, type Timing, WatchError } from '@rollcall/core';
import { backoffMs } from '@rollcall/core/internal';
import type { ClusterView, Gate } from './types.js';

/** How many brokers are asked at once; as many new ones beside them, which wait for no dead one. */
const AT_ONCE = 8;
/** How long new brokers may keep silent before the others are told without them, in timeouts of one question. */
const PATIENCE = 2;
/** A broker that gave a good answer is not asked again within this time, ms, however often the registry changes. */
const GOOD_MS = 30_000;

/** What a broker said last, or why it did not. */
export type ProbeResult =
  | {
      readonly clusterId: string;
      /** The broker's id in its cluster; undefined where the cluster advertises it by another address. */
      readonly nodeId?: number;
    }
  | { readonly error: WatchError };

export interface ProberOptions {
  readonly gate: Pick<Gate, 'probe'>;
  readonly timing: Timing;
  /** For one broker, ms. */
  readonly timeoutMs: number;
  /** There is news: all new brokers have been asked, or that takes too long, or an answer changed. May call `follow`. */
  readonly onNews: () => void;
}

/** One address that is followed. */
interface ProbeSubject {
  readonly address: BrokerAddress;
  probed: ProbeResult | undefined;
  /** Questions without a good answer since the last good one. */
  failures: number;
  /** `Timing.now()` of the next question, once it is known; Infinity: none is planned. */
  dueAt: number;
  /** The question that is under way. */
  asking: AbortController | undefined;
  /** When the last good answer came. */
  goodAt: number;
}

/**
 * Asks brokers for their cluster, up to 8 new and 8 known ones at a time. A broker that gives no good answer is asked
 * again, with a backoff of its own. One that gave a good answer is asked again after a change of the registry, because
 * its address may have another owner by then; 30 s after that answer at the earliest.
 */
export class Prober {
  readonly #options: ProberOptions;
  /** Those that were asked longest ago come first. */
  #subjects = new Map<string, ProbeSubject>();
  /** New ones that are still to be asked, the first one last. */
  #fresh: ProbeSubject[] = [];
  /** How many are being asked: new ones, and those that have answered, or failed to, before. */
  readonly #asking = { fresh: 0, known: 0 };
  /** `Timing.now()` of the next question to a known one, or earlier; Infinity: none is planned. */
  #nextAt = Number.POSITIVE_INFINITY;
  #cancelPatience: (() => void) | undefined;
  #cancelNext: (() => void) | undefined;
  #stopped = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** By address, of those that are followed now; an address without an answer yet is not there. */
  get results(): ReadonlyMap<string, ProbeResult> {
    const known = [...this.#subjects].flatMap(([text, { probed }]) => (probed === undefined ? [] : [[text, probed]]));
    return new Map(known as [string, ProbeResult][]);
  }

  /** Follows these addresses from now on, and no others. */
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

  /** Asks no more and tells nothing more. Idempotent. */
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

  /** News waits for new brokers, but not for long, and not longer when still more of them come. */
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

  /** Asks as many as there are places for, and comes back when the next one is due. */
  #goOn(): void {
    const { timing } = this.#options;
    while (this.#asking.fresh < AT_ONCE) {
      const subject = this.#fresh.pop();
      if (subject === undefined) break;
      void this.#ask(subject);
    }
    const now = timing.now();
    // All are gone through only if somebody may be due: a hostile registry names 10,000 that do not answer.
    if (this.#nextAt <= now && this.#asking.known < AT_ONCE) this.#askDue(now);
    this.#cancelNext?.();
    this.#cancelNext = undefined;
    // Whoever waits for a place is asked when an answer makes one.
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
    // To the end: where more are due than there are places, the one that was asked longest ago comes first.
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
    // A follow() while it was asked may have planned more.
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

/** Whether two answers make the same of a broker. */
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
