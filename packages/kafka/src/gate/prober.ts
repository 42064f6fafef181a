import { type BrokerAddress, backoffMs, type Timing, WatchError } from '@rollcall/core';
import type { ClusterView, Gate } from './types.js';

/** How many brokers are asked at once; as many new ones beside them, which wait for no dead one. */
const AT_ONCE = 8;
/** How long new brokers may keep silent before the others are told without them, in timeouts of one question. */
const PATIENCE = 2;
/** A broker that gave a good answer is not asked again within this time, ms, however often the registry changes. */
const GOOD_MS = 30_000;

/** What a broker said last, or why it did not. */
export type Probed =
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
interface Subject {
  readonly address: BrokerAddress;
  probed: Probed | undefined;
  /** Questions without a good answer since the last good one. */
  failures: number;
  /** `Timing.now()` of the next question; Infinity: none is planned. */
  dueAt: number;
  /** The question that is under way. */
  asking: AbortController | undefined;
  /** When the last good answer came. */
  goodAt: number;
}

/**
 * Asks brokers for their cluster, 8 at once: new ones at once; one that gives no good answer again and again, with a
 * backoff of its own; and when the registry changes, those whose last good answer is older than 30 s, because an address
 * may have got another owner.
 */
export class Prober {
  readonly #options: ProberOptions;
  #subjects = new Map<string, Subject>();
  #cancelPatience: (() => void) | undefined;
  #cancelNext: (() => void) | undefined;
  #stopped = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** By address, of those that are followed now; an address without an answer yet is not there. */
  get results(): ReadonlyMap<string, Probed> {
    const known = [...this.#subjects].flatMap(([text, { probed }]) => (probed === undefined ? [] : [[text, probed]]));
    return new Map(known as [string, Probed][]);
  }

  /** Follows these addresses from now on, and no others. */
  follow(addresses: Iterable<BrokerAddress>): void {
    const now = this.#options.timing.now();
    const before = this.#subjects;
    this.#subjects = new Map();
    for (const address of addresses) {
      const text = String(address);
      const subject = before.get(text) ?? newSubject(address, now);
      if (subject.probed !== undefined && 'clusterId' in subject.probed) subject.dueAt = subject.goodAt + GOOD_MS;
      this.#subjects.set(text, subject);
      before.delete(text);
    }
    for (const gone of before.values()) this.#drop(gone);
    if (this.#hasNew()) this.#wait();
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
  }

  #drop(subject: Subject): void {
    subject.asking?.abort();
    subject.asking = undefined;
    subject.dueAt = Number.POSITIVE_INFINITY;
  }

  #hasNew(): boolean {
    return [...this.#subjects.values()].some(({ probed }) => probed === undefined);
  }

  /** News waits for new brokers, but not for long, and not longer when still more of them come. */
  #wait(): void {
    const { timing, timeoutMs, onNews } = this.#options;
    this.#cancelPatience ??= timing.schedule(PATIENCE * timeoutMs, () => {
      this.#cancelPatience = undefined;
      if (this.#hasNew()) this.#wait();
      onNews();
    });
  }

  #tell(): void {
    if (this.#stopped || this.#hasNew()) return;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#options.onNews();
  }

  /** Asks who is due, and comes back when the next one is. */
  #goOn(): void {
    const { timing } = this.#options;
    this.#cancelNext?.();
    this.#cancelNext = undefined;
    const now = timing.now();
    const all = [...this.#subjects.values()];
    const isNew = ({ probed }: Subject): boolean => probed === undefined;
    for (const group of [all.filter(isNew), all.filter((subject) => !isNew(subject))]) {
      const due = group.filter(({ asking, dueAt }) => asking === undefined && dueAt <= now);
      due.sort((a, b) => a.dueAt - b.dueAt);
      const places = AT_ONCE - group.filter(({ asking }) => asking !== undefined).length;
      for (const subject of due.slice(0, Math.max(0, places))) void this.#ask(subject);
    }
    // Whoever waits for a place is asked when an answer makes one.
    const nextAt = Math.min(...all.map(({ dueAt }) => dueAt).filter((dueAt) => dueAt > now));
    if (nextAt !== Number.POSITIVE_INFINITY) this.#cancelNext = timing.schedule(nextAt - now, () => this.#goOn());
  }

  async #ask(subject: Subject): Promise<void> {
    const { gate, timing, timeoutMs } = this.#options;
    const asking = new AbortController();
    subject.asking = asking;
    subject.dueAt = Number.POSITIVE_INFINITY;
    const probed = await gate.probe(subject.address, { signal: asking.signal, timeoutMs }).then(
      (view): Probed => answerOf(subject.address, view),
      (error: unknown): Probed => ({ error: WatchError.from(error) }),
    );
    if (asking.signal.aborted) return;
    subject.asking = undefined;
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
    this.#goOn();
    this.#tell();
  }
}

function newSubject(address: BrokerAddress, now: number): Subject {
  return { address, probed: undefined, failures: 0, dueAt: now, asking: undefined, goodAt: Number.NEGATIVE_INFINITY };
}

function answerOf(address: BrokerAddress, { clusterId, brokers }: ClusterView): Probed {
  const own = brokers.find(({ host, port }) => host === address.host && port === address.port);
  return { clusterId, ...(own && { nodeId: own.nodeId }) };
}
