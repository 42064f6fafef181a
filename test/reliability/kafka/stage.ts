import { Gateway } from '../../chaos/etcd/gateway.js';
import { type Etcd, startEtcd } from '../../support/etcd.js';
import { type Kafka, startKafka } from '../../support/kafka.js';
import { ProducerProcess } from '../../support/producers/process.js';
import type { ProducerSetting } from '../../support/producers/protocol.js';
import { createTopics, inSync } from './admin.js';
import { Keys } from './keys.js';

/** Below it each broker has a key. */
const PREFIX = 'broker/kafka/';
/** A sender's next message, ms after its last: each of its sends is one in flight. */
const PERIOD_MS = 20;

/** What of a producer is the scenario's choice. */
export type Part = Pick<ProducerSetting, 'client' | 'way' | 'senders' | 'keyed'> & Partial<ProducerSetting>;

/** Three real brokers, the registry that names them, and the producers that follow it. */
export class Stage implements AsyncDisposable {
  readonly kafka: Kafka;
  readonly etcd: Etcd;
  readonly keys: Keys;
  readonly #producers: ProducerProcess[] = [];
  #topics = 0;

  private constructor(kafka: Kafka, etcd: Etcd) {
    this.kafka = kafka;
    this.etcd = etcd;
    this.keys = new Keys(new Gateway(etcd.port), PREFIX);
  }

  /** The registry names all brokers. */
  static async start(): Promise<Stage> {
    const [kafka, etcd] = await Promise.all([startKafka({ brokers: 3 }), startEtcd()]);
    const stage = new Stage(kafka, etcd);
    await stage.keys.name(kafka.bootstrap);
    return stage;
  }

  /** Of the keys of the brokers. */
  get url(): string {
    return `etcd://${this.etcd.endpoint}/${PREFIX}`;
  }

  /** Creates topics that were not there before. */
  async topics(count: number, partitions: number): Promise<string[]> {
    const topics = Array.from({ length: count }, () => `numbers-${this.#topics++}`);
    await createTopics(this.kafka, topics, partitions);
    return topics;
  }

  /** Resolves when every replica of these topics is in sync. */
  inSync(topics: readonly string[]): Promise<void> {
    return inSync(this.kafka, topics);
  }

  /** A producer that ends with the stage, at the latest. A static list is that of now. */
  async producer(part: Part & Pick<ProducerSetting, 'topic' | 'partitions'>): Promise<ProducerProcess> {
    const producer = await ProducerProcess.start({
      registry: this.url,
      servers: this.kafka.bootstrap,
      periodMs: PERIOD_MS,
      concurrent: false,
      list: {},
      ...part,
    });
    this.#producers.push(producer);
    return producer;
  }

  /** All brokers end, then all start on other ports, with their data; the registry is not told. */
  async moveAll(end: 'kill9' | 'stop'): Promise<void> {
    await Promise.all(this.kafka.brokers.map((broker) => broker[end]()));
    await Promise.all(this.kafka.brokers.map((broker) => broker.move()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#producers.map((producer) => producer[Symbol.asyncDispose]()));
    this.keys.close();
    await Promise.all([this.kafka[Symbol.asyncDispose](), this.etcd[Symbol.asyncDispose]()]);
  }
}
