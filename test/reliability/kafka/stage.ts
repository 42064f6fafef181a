import { Gateway } from '../../chaos/etcd/gateway.js';
import type { ClientName } from '../../support/clients.js';
import { ConsumerProcess } from '../../support/consumers/process.js';
import { type Etcd, startEtcd } from '../../support/etcd.js';
import { type Kafka, startKafka } from '../../support/kafka.js';
import { freePort } from '../../support/ports.js';
import { ProducerProcess } from '../../support/producers/process.js';
import type { ProducerSetting } from '../../support/producers/protocol.js';
import { startProxy, type TcpProxy } from '../../support/proxy.js';
import { createTopic, inSync } from './admin.js';
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
  /** Before the one broker there is. */
  readonly door: TcpProxy | undefined;
  readonly #producers: ProducerProcess[] = [];
  readonly #more: AsyncDisposable[] = [];
  #other: Promise<Kafka> | undefined;
  #topics = 0;

  private constructor(kafka: Kafka, etcd: Etcd, door?: TcpProxy) {
    this.kafka = kafka;
    this.etcd = etcd;
    this.door = door;
    this.keys = new Keys(new Gateway(etcd.port), PREFIX);
  }

  /** Three brokers, all of them named in the registry. */
  static async start(): Promise<Stage> {
    const [kafka, etcd] = await Promise.all([startKafka({ brokers: 3 }), startEtcd()]);
    const stage = new Stage(kafka, etcd);
    await stage.keys.name(kafka.bootstrap);
    return stage;
  }

  /** One broker that clients reach by a door alone. */
  static async startBehindDoor(): Promise<Stage> {
    const door = await startProxy({ port: await freePort() });
    const [kafka, etcd] = await Promise.all([startKafka({ properties: advertising(door.endpoint) }), startEtcd()]);
    for (const broker of kafka.brokers) door.retarget(broker);
    const stage = new Stage(kafka, etcd, door);
    await stage.keys.name([door.endpoint]);
    stage.#more.push(door);
    return stage;
  }

  /** Of the keys of the brokers. */
  get url(): string {
    return `etcd://${this.etcd.endpoint}/${PREFIX}`;
  }

  /** Creates a topic that was not there before. */
  async topic(partitions: number): Promise<string> {
    const topic = `numbers-${this.#topics++}`;
    await createTopic(this.kafka, topic, partitions);
    return topic;
  }

  /** A cluster of one broker that has nothing to do with ours; always the same one. */
  otherCluster(): Promise<Kafka> {
    this.#other ??= startKafka().then((kafka) => {
      this.#more.push(kafka);
      return kafka;
    });
    return this.#other;
  }

  /** Another cluster of one broker, which sends its clients to this address. */
  clusterThatAdvertises(address: string): Promise<Kafka> {
    return startKafka({ properties: advertising(address) });
  }

  /** Resolves when every replica of the topic is in sync. */
  inSync(topic: string): Promise<void> {
    return inSync(this.kafka, topic);
  }

  /** A producer that ends with the stage, at the latest. A static list is that of now. */
  async producer(part: Part & Pick<ProducerSetting, 'topic' | 'partitions' | 'producer'>): Promise<ProducerProcess> {
    const producer = await ProducerProcess.start({
      registry: this.url,
      servers: this.kafka.bootstrap,
      periodMs: PERIOD_MS,
      list: {},
      ...part,
    });
    this.#producers.push(producer);
    return producer;
  }

  /** A consumer in a group of its own, and an admin client, that end with the stage. */
  async consumer(client: ClientName, topic: string): Promise<ConsumerProcess> {
    const consumer = await ConsumerProcess.start({ client, registry: this.url, topic, group: `group-of-${client}` });
    this.#more.push(consumer);
    return consumer;
  }

  /** All brokers end; their data stays. */
  async endAll(end: 'kill9' | 'stop'): Promise<void> {
    await Promise.all(this.kafka.brokers.map((broker) => broker[end]()));
  }

  /** All brokers end, then all start on other ports (free ones unless given), with their data; the registry is not told. */
  async moveAll(end: 'kill9' | 'stop', ports: readonly number[] = []): Promise<void> {
    await this.endAll(end);
    await Promise.all(this.kafka.brokers.map((broker, index) => broker.move(ports[index])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#producers.map((producer) => producer[Symbol.asyncDispose]()));
    this.keys.close();
    await Promise.all([this.kafka, this.etcd, ...this.#more].map((each) => each[Symbol.asyncDispose]()));
  }
}

const advertising = (address: string) => ({ 'advertised.listeners': `PLAINTEXT://${address}` });
