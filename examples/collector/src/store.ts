import { Kafka, type LogEntry, logLevel } from 'kafkajs';
import { type BrokerList, kafkajsOptions, type Logger } from 'rollcall';
import { Lane } from './lane.js';

export class Full extends Error {}

export interface StoreOptions {
  readonly topic: string;
  /** The most records in one batch. Default: 500. */
  readonly batch?: number;
  /** The most records that wait for Kafka. Default: 10,000. */
  readonly buffer?: number;
  readonly logger: Logger;
}

/** Stores records in a topic, each once, on whatever brokers the list names at the time. */
export class Store {
  readonly #lanes: readonly Lane[];
  readonly #buffer: number;

  private constructor(lanes: readonly Lane[], buffer: number) {
    this.#lanes = lanes;
    this.#buffer = buffer;
  }

  /** Resolves when Kafka says which partitions the topic has; waits for brokers without end. */
  static async open(
    brokers: BrokerList,
    { topic, batch = 500, buffer = 10_000, logger }: StoreOptions,
  ): Promise<Store> {
    const options = kafkajsOptions(brokers);
    let last = '';
    // It says the same again with each attempt.
    const tell = ({ log: { message, error = '' } }: LogEntry): void => {
      if (message !== last) logger.warn({ error }, message);
      last = message;
    };
    const kafka = new Kafka({ clientId: 'collector', ...options, logLevel: logLevel.ERROR, logCreator: () => tell });
    const admin = kafka.admin({ retry: options.retry });
    await admin.connect();
    const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
    await admin.disconnect();
    const lanes = (found?.partitions ?? []).map(async ({ partitionId: partition }) => {
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry: options.retry });
      await producer.connect();
      return new Lane({ topic, partition, batch, producer });
    });
    const store = new Store(await Promise.all(lanes), buffer);
    logger.info({ topic, partitions: lanes.length }, 'Kafka is there.');
    return store;
  }

  /** Records that are not stored yet. */
  get size(): number {
    return this.#lanes.reduce((sum, { size }) => sum + size, 0);
  }

  /** Resolves when all that was added is stored or refused. */
  async idle(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.idle()));
  }

  /** Resolves when Kafka has acknowledged the record. @throws Full; or why Kafka will not have it. */
  async add(value: Buffer): Promise<void> {
    if (this.size >= this.#buffer) throw new Full('The buffer is full.');
    // Each record is by itself, so the lane with the fewest waiting takes it.
    const lane = this.#lanes.reduce((a, b) => (b.size < a.size ? b : a));
    await lane.store(value);
  }
}
