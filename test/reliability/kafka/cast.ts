import type { ProducerProcess } from '../../support/producers/process.js';
import type { ProducerRecord } from '../../support/producers/protocol.js';
import { type Account, accountOf } from './account.js';
import { connections, longestGapMs, rebootstraps, type Span } from './measure.js';
import type { Part, Stage } from './stage.js';
import { storedIn } from './truth.js';

/** Of the topic of each producer. */
const PARTITIONS = 3;
/** Acknowledgements that are proof enough that a producer goes on. */
const SOME = 25;

/** How a producer heard of a change of keys: ms after it. */
interface Heard {
  readonly listMs: number;
  readonly firstMs: number;
}

/** One producer, on a topic of its own. */
interface Player {
  readonly part: Part;
  readonly process: ProducerProcess;
  readonly topic: string;
  readonly heard: (Heard | undefined)[];
}

/** What one producer went through in one repeat. */
export interface Turn extends Partial<Heard> {
  readonly longestGapMs: number;
  readonly rebootstraps: number;
  readonly connections: number;
}

/** One producer's part in all repeats. */
export interface Performance {
  readonly part: Part;
  readonly account: Account;
  readonly turns: readonly Turn[];
  readonly record: ProducerRecord;
}

/** Producers that go through the same things side by side. */
export class Cast {
  readonly #stage: Stage;
  readonly #players: readonly Player[];
  readonly #spans: Span[] = [];

  private constructor(stage: Stage, players: readonly Player[]) {
    this.#stage = stage;
    this.#players = players;
  }

  /** Resolves when all are acknowledged. */
  static async start(stage: Stage, parts: readonly Part[]): Promise<Cast> {
    const topics = await stage.topics(parts.length, PARTITIONS);
    const players = parts.map(async (part, index): Promise<Player> => {
      const topic = topics[index] ?? '';
      const process = await stage.producer({ ...part, topic, partitions: PARTITIONS });
      return { part, process, topic, heard: [] };
    });
    const cast = new Cast(stage, await Promise.all(players));
    await cast.goOn();
    return cast;
  }

  get topics(): string[] {
    return this.#players.map(({ topic }) => topic);
  }

  /** What each process gives. */
  each<T>(ask: (process: ProducerProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#players.map(({ process }) => ask(process)));
  }

  /** Resolves when all are acknowledged some messages more. */
  async goOn(): Promise<void> {
    await this.each((process) => process.acknowledges(SOME));
  }

  /** Resolves when all have published the list of the brokers after a change of keys, and go on. */
  async follow(changedAt: number, addresses: readonly string[] = this.#stage.kafka.bootstrap): Promise<void> {
    const following = this.#players.map(async ({ process, heard }) => {
      const listMs = (await process.lists(addresses, changedAt)) - changedAt;
      const firstMs = (await process.acknowledges(1, changedAt)) - changedAt;
      await process.acknowledges(SOME, changedAt);
      heard[this.#spans.length] = { listMs, firstMs };
    });
    await Promise.all(following);
  }

  /** Plays something, which is one repeat. */
  async turn(play: () => Promise<void>): Promise<void> {
    const from = Date.now();
    await play();
    this.#spans.push({ from, to: Date.now() });
  }

  /** Stops all, and compares what they were told with what their topics hold. */
  async finish(withinMs?: number): Promise<Performance[]> {
    const records = await this.each((process) => process.stop(withinMs));
    const performances: Performance[] = [];
    for (const [index, { part, topic, heard }] of this.#players.entries()) {
      const record = records[index];
      if (record === undefined) throw new Error(`${topic} has no record`);
      const account = accountOf(record, await storedIn(this.#stage.kafka, topic));
      const turns = this.#spans.map((span, at) => ({ ...this.#measure(record, span), ...heard[at] }));
      performances.push({ part, account, turns, record });
    }
    return performances;
  }

  #measure(record: ProducerRecord, span: Span): Turn {
    return {
      longestGapMs: longestGapMs(record, span),
      rebootstraps: rebootstraps(record, span),
      connections: connections(record, span, [this.#stage.etcd.endpoint]),
    };
  }
}
