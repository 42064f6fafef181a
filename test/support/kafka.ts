import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatKafka, kafkaProperties, kafkaTool, launchKafka, newClusterId } from '../../servers/kafka/server.mjs';
import { ensure } from '../../servers/lib.mjs';
import { accepts } from '../../servers/ready.mjs';
import { allOrNone } from './all-or-none.js';
import { freePort, onFreePorts } from './ports.js';
import { type Launch, ServerProcess } from './process.js';
import { temporaryRoot } from './reaper.js';
import { runTool } from './tool.js';

export interface KafkaOptions {
  /** Three replicate every topic and go on without one of them. */
  readonly brokers?: 1 | 3;
  /** More lines of server.properties, or others. */
  readonly properties?: Readonly<Record<string, string>>;
}

interface Node {
  readonly nodeId: number;
  readonly port: number;
  readonly controllerPort: number;
}

interface Shared {
  readonly install: string;
  readonly folder: string;
  readonly clusterId: string;
  readonly voters?: string;
  readonly replicas: number;
  readonly properties: Readonly<Record<string, string>>;
}

/** One real Kafka node, broker and controller at once. */
export class KafkaBroker implements AsyncDisposable {
  readonly nodeId: number;
  readonly #shared: Shared;
  readonly #process: ServerProcess;
  #node: Node;

  private constructor(shared: Shared, node: Node, server: ServerProcess) {
    this.nodeId = node.nodeId;
    this.#shared = shared;
    this.#node = node;
    this.#process = server;
  }

  static async start(shared: Shared, node: Node): Promise<KafkaBroker> {
    await mkdir(nodeFolder(shared, node), { recursive: true });
    const properties = await writeProperties(shared, node);
    const format = formatKafka({
      folder: shared.install,
      properties,
      clusterId: shared.clusterId,
      standalone: shared.voters === undefined,
    });
    await runTool(format.command, format.args);
    return new KafkaBroker(shared, node, await ServerProcess.start(launchOf(shared, node, properties)));
  }

  get port(): number {
    return this.#node.port;
  }

  /** `127.0.0.1:port` */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  get logTail(): string {
    return this.#process.logTail;
  }

  /** SIGKILL. */
  kill9(): Promise<void> {
    return this.#process.kill9();
  }

  /** SIGTERM: a controlled shutdown that hands its partitions over; killed after 10 s. */
  stop(): Promise<void> {
    return this.#process.stop();
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#process.pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#process.resume();
  }

  /** Killed if it runs, and started again with the same data on the same port. */
  restart(): Promise<void> {
    return this.#process.restart();
  }

  /** Started again with the same data on another port (a free one unless given), as a broker whose address changed. */
  async move(port?: number): Promise<void> {
    await this.kill9();
    this.#node = { ...this.#node, port: port ?? (await freePort()) };
    const properties = await writeProperties(this.#shared, this.#node);
    await this.#process.restart(launchOf(this.#shared, this.#node, properties));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill9();
  }
}

/** A real Kafka cluster of a test's own, without ZooKeeper. */
export class Kafka implements AsyncDisposable {
  readonly clusterId: string;
  readonly brokers: readonly KafkaBroker[];
  readonly #install: string;
  readonly #folder: string;

  private constructor(shared: Shared, brokers: readonly KafkaBroker[]) {
    this.clusterId = shared.clusterId;
    this.brokers = brokers;
    this.#install = shared.install;
    this.#folder = shared.folder;
  }

  static async start(ports: readonly number[], properties: Readonly<Record<string, string>>): Promise<Kafka> {
    const nodes = Array.from({ length: ports.length / 2 }, (_, index) => ({
      nodeId: index + 1,
      port: ports[2 * index] ?? 0,
      controllerPort: ports[2 * index + 1] ?? 0,
    }));
    const voters = nodes.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`).join(',');
    const shared: Shared = {
      install: await ensure('kafka', { log: console.error }),
      folder: await mkdtemp(join(temporaryRoot(), 'kafka-')),
      clusterId: newClusterId(),
      replicas: nodes.length,
      ...(nodes.length === 1 ? {} : { voters }),
      properties,
    };
    return new Kafka(shared, await allOrNone(nodes.map((node) => KafkaBroker.start(shared, node))));
  }

  /** `127.0.0.1:port` of every broker, running or not. */
  get bootstrap(): string[] {
    return this.brokers.map((broker) => broker.endpoint);
  }

  /** The log's end of every broker, for errors. */
  get logTail(): string {
    return this.brokers.map((broker) => `broker ${broker.nodeId}:\n${broker.logTail}`).join('\n');
  }

  async createTopic(topic: string, { partitions = 1 } = {}): Promise<void> {
    await this.tool('TopicCommand', ['--create', '--topic', topic, '--partitions', String(partitions)]);
  }

  /** Writes each line as a message, acknowledged by all replicas. */
  async produce(topic: string, lines: readonly string[]): Promise<void> {
    await this.tool('ConsoleProducer', ['--topic', topic], lines.map((line) => `${line}\n`).join(''));
  }

  /** The first `count` messages of a topic, from offset 0; one partition gives them in order. @throws when there are fewer */
  async consume(topic: string, count: number): Promise<string[]> {
    const from = ['--topic', topic, '--from-beginning', '--max-messages', String(count), '--timeout-ms', '30000'];
    const lines = (await this.tool('consumer.ConsoleConsumer', from)).trimEnd().split('\n');
    if (lines.length === count) return lines;
    throw new Error(`${topic} holds ${lines.length} of ${count} messages: ${lines.join(', ')}`);
  }

  /** What one of Kafka's own tools prints, by its class below `org.apache.kafka.tools`. */
  tool(toolClass: string, args: readonly string[], input?: string): Promise<string> {
    const bootstrap = this.brokers.filter(({ running }) => running).map(({ endpoint }) => endpoint);
    const all = ['--bootstrap-server', bootstrap.join(','), ...args];
    const launch = kafkaTool(this.#install, `org.apache.kafka.tools.${toolClass}`, all);
    return runTool(launch.command, launch.args, input);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.kill9()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A Kafka cluster whose brokers accept connections; installed first when it is missing. */
export function startKafka({ brokers = 1, properties = {} }: KafkaOptions = {}): Promise<Kafka> {
  return onFreePorts(2 * brokers, (ports) => Kafka.start(ports, properties));
}

const nodeFolder = (shared: Shared, node: Node) => join(shared.folder, String(node.nodeId));

async function writeProperties(shared: Shared, node: Node): Promise<string> {
  const file = join(nodeFolder(shared, node), 'server.properties');
  const { voters, replicas, properties } = shared;
  const dataDir = join(nodeFolder(shared, node), 'data');
  const quorum = voters === undefined ? {} : { voters };
  await writeFile(file, kafkaProperties({ ...node, ...quorum, dataDir, replicas, properties }));
  return file;
}

const launchOf = (shared: Shared, node: Node, properties: string): Launch => ({
  name: `kafka ${node.nodeId}`,
  ...launchKafka({ folder: shared.install, properties }),
  ready: () => accepts(node.port),
});
