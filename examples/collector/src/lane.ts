import type { Producer } from 'kafkajs';

interface Waiting {
  readonly value: Buffer;
  stored(): void;
  failed(error: unknown): void;
}

/** `batch`: the most records in one. `producer`: connected, `idempotent`, and nobody else's. */
export interface LaneOptions {
  readonly topic: string;
  readonly partition: number;
  readonly batch: number;
  readonly producer: Producer;
}

/**
 * Sends records to one partition, a batch at a time: kafkajs may acknowledge and lose a message when a producer has
 * several sends under way and one of them fails. What comes meanwhile is the next batch.
 */
export class Lane {
  readonly #options: LaneOptions;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | undefined;
  #size = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Records that are not stored yet. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when what was sent so far is stored or refused. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  /** Resolves when Kafka has acknowledged the record. Rejects when Kafka will not have it. */
  store(value: Buffer): Promise<void> {
    this.#size++;
    return new Promise<void>((stored, failed) => {
      this.#waiting.push({ value, stored, failed });
      this.#sending ??= this.#send();
    }).finally(() => {
      this.#size--;
    });
  }

  async #send(): Promise<void> {
    const { topic, partition, batch, producer } = this.#options;
    // What comes in the same turn goes into the same batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const records = this.#waiting.splice(0, batch);
      try {
        await producer.send({ topic, acks: -1, messages: records.map(({ value }) => ({ partition, value })) });
        for (const { stored } of records) stored();
      } catch (error) {
        for (const { failed } of records) failed(error);
      }
    }
    this.#sending = undefined;
  }
}
