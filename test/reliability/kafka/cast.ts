import type { ProducerProcess } from '../../support/producers/process.js';
import type { Numbered, ProducerRecord } from '../../support/producers/protocol.js';
import { type Account, accountOf, type Fault, faultsOf } from './account.js';
import { type Connections, connections, longestGapMs, rebootstraps, type Span } from './measure.js';
import type { Part, Stage } from './stage.js';
import { storedIn } from './truth.js';

/** Of the topic. */
const PARTITIONS = 3;
/** Acknowledgements that are proof enough that a producer goes on. */
const SOME = 25;
/** How long a producer that waits for a list may take to end when it is told to, ms. */
const CANCEL_MS = 1_000;

/** How a producer heard of a change of keys. */
interface Heard {
  /** Wall clock, ms. */
  readonly changedAt: number;
  /** From then to the list that was published, ms. A static list has none. */
  readonly listMs?: number;
  /** From then to the first acknowledgement, ms. */
  readonly firstMs?: number;
}

interface Player {
  readonly part: Part;
  readonly process: ProducerProcess;
  readonly heard: (Heard | undefined)[];
  /** Once it is stopped. */
  record?: ProducerRecord;
}

/** A time in which a producer must not notice anything. */
interface Calm extends Span {
  readonly what: string;
  readonly except: Connections['except'];
  readonly spares: (part: Part) => boolean;
}

type CalmOptions = Partial<Pick<Calm, 'except' | 'spares'>>;

/** What one producer went through in one repeat. */
export interface Turn extends Partial<Heard> {
  readonly durationMs: number;
  readonly longestGapMs: number;
  readonly rebootstraps: number;
  readonly connections: number;
}

/** One producer's part in all repeats. */
export interface Performance {
  readonly part: Part;
  readonly account: Account;
  /** Which messages are lost, duplicated or reordered, and in which repeat. */
  readonly faults: readonly string[];
  readonly turns: readonly Turn[];
  readonly record: ProducerRecord;
  /** What it noticed and should not have noticed, and other faults that were found with it. */
  readonly noticed: readonly string[];
}

/** Producers that write to one topic and go through the same things side by side. */
export class Cast {
  readonly topic: string;
  readonly #stage: Stage;
  readonly #spans: Span[] = [];
  readonly #calms: Calm[] = [];
  readonly #faults: { readonly producer: number; readonly what: string }[] = [];
  readonly #parts: readonly Part[];
  readonly #retired: Player[] = [];
  #players: Player[] = [];

  private constructor(stage: Stage, parts: readonly Part[], topic: string) {
    this.#stage = stage;
    this.#parts = parts;
    this.topic = topic;
  }

  /** Resolves when all are acknowledged. */
  static async start(stage: Stage, parts: readonly Part[]): Promise<Cast> {
    const cast = new Cast(stage, parts, await stage.topic(PARTITIONS));
    await cast.#enter(parts);
    await cast.goOn();
    return cast;
  }

  /** What each process gives. */
  each<T>(ask: (process: ProducerProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#players.map(({ process }) => ask(process)));
  }

  /** Resolves when all are acknowledged some messages more. */
  async goOn(): Promise<void> {
    await this.each((process) => process.acknowledges(SOME));
  }

  /** Resolves when all that do so have published the list of these brokers after a change of keys, and go on. */
  async follow(changedAt: number, addresses: readonly string[] = this.#stage.kafka.bootstrap): Promise<void> {
    const following = this.#players.map(async ({ part, process, heard }) => {
      heard[this.#spans.length] = { changedAt };
      if (part.way === 'static') return;
      const listMs = (await process.lists(addresses, changedAt)) - changedAt;
      const firstMs = (await process.acknowledges(1, changedAt)) - changedAt;
      await process.acknowledges(SOME, changedAt);
      heard[this.#spans.length] = { changedAt, listMs, firstMs };
    });
    await Promise.all(following);
  }

  /** All go on meanwhile, ask for no brokers, and connect to none but these. */
  async calm(what: string, play: () => Promise<unknown>, options: CalmOptions = {}): Promise<void> {
    const from = Date.now();
    await play();
    await this.goOn();
    this.#calms.push({ what, from, to: Date.now(), except: () => false, spares: () => false, ...options });
  }

  /** The processes end, and others take their parts; something happens before, and while these connect. */
  async again(before: () => Promise<unknown>, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
    await this.#retire();
    await before();
    await this.#enter(this.#parts);
    await meanwhile();
    await this.goOn();
  }

  /** Each part is taken, just for this, by a process more. It ends without having sent anything, if it can end at all. */
  async cancelled(when: (process: ProducerProcess) => Promise<unknown>): Promise<void> {
    await this.#retire();
    await this.#enter(this.#parts);
    await this.each(when);
    await this.#stop(this.#players, CANCEL_MS);
    for (const { process, record } of this.#players) {
      if (!record?.settled) this.#blame(process.setting.producer, 'it could not be cancelled');
    }
  }

  /** Finds fault with whoever sent these messages. */
  blame(messages: readonly Numbered[], what: string): void {
    for (const { process } of this.#players) {
      const { producer } = process.setting;
      const count = messages.filter((each) => each.producer === producer).length;
      if (count > 0) this.#blame(producer, `${count} ${what}`);
    }
  }

  /** Finds fault with all. */
  blameAll(what: string): void {
    for (const { process } of this.#players) this.#blame(process.setting.producer, what);
  }

  /** Plays something, which is one repeat. */
  async turn(play: () => Promise<void>): Promise<void> {
    const from = Date.now();
    await play();
    this.#spans.push({ from, to: Date.now() });
  }

  /** Stops all, and compares what they were told with what the topic holds. */
  async finish(withinMs?: number): Promise<Performance[]> {
    await this.#stop(this.#players, withinMs);
    const stored = await storedIn(this.#stage.kafka, this.topic);
    return [...this.#retired, ...this.#players].flatMap((player) => {
      const { part, heard, record, process } = player;
      if (record === undefined) return [];
      const { producer } = process.setting;
      // A repeat is that of those who took the parts last.
      const spans = this.#players.includes(player) ? this.#spans : [];
      const turns = spans.map((span, at) => ({ ...this.#measure(record, span), ...heard[at] }));
      const noticed = [
        ...this.#calms.flatMap((calm) => this.#noticed(part, record, calm)),
        ...this.#faults.flatMap((fault) => (fault.producer === producer ? [fault.what] : [])),
      ];
      const account = accountOf(producer, record, stored);
      const faults = faultsOf(producer, record, stored);
      return [{ part, account, faults: faults.map((each) => this.#inWhichRepeat(each)), turns, record, noticed }];
    });
  }

  async #retire(): Promise<void> {
    await this.#stop(this.#players, undefined);
    this.#retired.push(...this.#players);
    this.#players = [];
  }

  /** Resolves when the processes run; they may not be connected yet. */
  async #enter(parts: readonly Part[]): Promise<void> {
    const first = this.#retired.length;
    const players = parts.map(async (part, index): Promise<Player> => {
      const place = { topic: this.topic, partitions: PARTITIONS, producer: first + index };
      return { part, process: await this.#stage.producer({ ...part, ...place }), heard: [] };
    });
    this.#players = await Promise.all(players);
  }

  async #stop(players: readonly Player[], withinMs: number | undefined): Promise<void> {
    const running = players.filter(({ record }) => record === undefined);
    const stopping = running.map(async (player) => {
      player.record = await player.process.stop(withinMs);
    });
    await Promise.all(stopping);
  }

  #inWhichRepeat({ kind, sender, number, at }: Fault): string {
    const turn = at === null ? -1 : this.#spans.findIndex(({ to }) => at <= to);
    return `${kind}: message ${number} of sender ${sender}, acknowledged ${turn === -1 ? 'in no repeat' : `in repeat ${turn + 1}`}`;
  }

  #measure(record: ProducerRecord, span: Span): Turn {
    return {
      durationMs: span.to - span.from,
      longestGapMs: longestGapMs(record, span),
      rebootstraps: rebootstraps(record, span).length,
      connections: connections(record, { ...span, except: (to) => this.#isRegistry(to) }).length,
    };
  }

  #noticed(part: Part, record: ProducerRecord, { what, except, spares, ...span }: Calm): string[] {
    if (spares(part)) return [];
    // Platformatic asks for each of its metadata, also while it is connected.
    const asked = part.client === 'platformatic' && part.way === 'native' ? 0 : rebootstraps(record, span).length;
    const connected = connections(record, { ...span, except: (to) => this.#isRegistry(to) || except(to) });
    return [
      ...(asked === 0 ? [] : [`${what}: asked ${asked} times for the brokers`]),
      ...(connected.length === 0 ? [] : [`${what}: connected to ${connected.map(({ to }) => to).join(', ')}`]),
    ];
  }

  #blame(producer: number, what: string): void {
    this.#faults.push({ producer, what });
  }

  #isRegistry(to: string): boolean {
    return to === this.#stage.etcd.endpoint;
  }
}
