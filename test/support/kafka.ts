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
  /** With three brokers, every topic is replicated and one of them may be away. */
  readonly brokers?: 1 | 3;
  /** Further lines of server.properties; they replace the default ones. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Listeners beside PLAINTEXT, each on a port of its own, named as their protocol. */
  readonly listeners?: readonly SecureProtocol[];
  /** The host that these listeners advertise. Default: 127.0.0.1. */
  readonly advertisedHost?: string;
}

export type SecureProtocol = 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

interface Node {
  readonly nodeId: number;
  readonly port: number;
  readonly controllerPort: number;
  /** The ports of the listeners beside PLAINTEXT. */
  readonly ports: ReadonlyMap<SecureProtocol, number>;
}

interface Shared {
  readonly install: string;
  readonly folder: string;
  readonly clusterId: string;
  readonly voters?: string;
  readonly replicas: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly advertisedHost: string;
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

  portOf(protocol: SecureProtocol): number {
    const port = this.#node.ports.get(protocol);
    if (port === undefined) throw new Error(`the broker has no listener ${protocol}`);
    return port;
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

  /** Kills it if it runs, and starts it again with the same data on the same port. */
  restart(): Promise<void> {
    return this.#process.restart();
  }

  /** Starts it again with the same data on another port (default: a free one), as a broker whose address changed. */
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

  static async start(
    ports: readonly number[],
    { properties = {}, listeners = [], advertisedHost = '127.0.0.1' }: KafkaOptions,
  ): Promise<Kafka> {
    const each = 2 + listeners.length;
    const nodes = Array.from({ length: ports.length / each }, (_, index): Node => {
      const [port = 0, controllerPort = 0, ...others] = ports.slice(index * each, (index + 1) * each);
      const secure = listeners.map((protocol, at) => [protocol, others[at] ?? 0] as const);
      return { nodeId: index + 1, port, controllerPort, ports: new Map(secure) };
    });
    const voters = nodes.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`).join(',');
    const shared: Shared = {
      install: await ensure('kafka', { log: console.error }),
      folder: await mkdtemp(join(temporaryRoot(), 'kafka-')),
      clusterId: newClusterId(),
      replicas: nodes.length,
      ...(nodes.length === 1 ? {} : { voters }),
      properties,
      advertisedHost,
    };
    return new Kafka(shared, await allOrNone(nodes.map((node) => KafkaBroker.start(shared, node))));
  }

  /** `127.0.0.1:port` of every broker, running or not. */
  get bootstrap(): string[] {
    return this.brokers.map((broker) => broker.endpoint);
  }

  /** The end of each broker's log, for errors. */
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

  /** A user for a login by SCRAM-SHA-256 and SCRAM-SHA-512. */
  async createScramUser(name: string, password: string): Promise<void> {
    const user = ['--bootstrap-server', this.#running, '--alter', '--entity-type', 'users', '--entity-name', name];
    // Kafka does not take two at once.
    for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      await this.#run('kafka.admin.ConfigCommand', [...user, '--add-config', `${mechanism}=[password=${password}]`]);
    }
  }

  /**
   * The output of one of Kafka's own tools, by its class below `org.apache.kafka.tools`.
   * @param bootstrap the running brokers unless given
   */
  tool(toolClass: string, args: readonly string[], input?: string, bootstrap = this.#running): Promise<string> {
    return this.#run(`org.apache.kafka.tools.${toolClass}`, ['--bootstrap-server', bootstrap, ...args], input);
  }

  /** How to run one of Kafka's own tools as `tool` does, in a process of its own. */
  toolLaunch(toolClass: string, args: readonly string[], bootstrap: string): Pick<Launch, 'command' | 'args'> {
    return kafkaTool(this.#install, `org.apache.kafka.tools.${toolClass}`, ['--bootstrap-server', bootstrap, ...args]);
  }

  get #running(): string {
    return this.brokers
      .filter(({ running }) => running)
      .map(({ endpoint }) => endpoint)
      .join(',');
  }

  #run(mainClass: string, args: readonly string[], input?: string): Promise<string> {
    const launch = kafkaTool(this.#install, mainClass, args);
    return runTool(launch.command, launch.args, input);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.kill9()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A Kafka cluster whose brokers accept connections; installed first when it is missing. */
export function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const { brokers = 1, listeners = [] } = options;
  return onFreePorts(brokers * (2 + listeners.length), (ports) => Kafka.start(ports, options));
}

const nodeFolder = (shared: Shared, node: Node) => join(shared.folder, String(node.nodeId));

async function writeProperties(shared: Shared, node: Node): Promise<string> {
  const file = join(nodeFolder(shared, node), 'server.properties');
  const { voters, replicas, properties, advertisedHost } = shared;
  const dataDir = join(nodeFolder(shared, node), 'data');
  const quorum = voters === undefined ? {} : { voters };
  const all = { ...listenersOf(node, advertisedHost), ...properties };
  await writeFile(file, kafkaProperties({ ...node, ...quorum, dataDir, replicas, properties: all }));
  return file;
}

/** Nothing for a node with only the usual listeners. */
function listenersOf({ port, controllerPort, ports }: Node, advertisedHost: string): Record<string, string> {
  if (ports.size === 0) return {};
  const usual = [['PLAINTEXT', port] as const, ['CONTROLLER', controllerPort] as const];
  const on = (host: string, listeners: Iterable<readonly [name: string, port: number]>): string[] =>
    [...listeners].map(([name, at]) => `${name}://${host}:${at}`);
  const protocols = ['PLAINTEXT', ...ports.keys()].map((protocol) => `${protocol}:${protocol}`);
  return {
    listeners: on('127.0.0.1', [...usual, ...ports]).join(','),
    'advertised.listeners': [...on('127.0.0.1', usual), ...on(advertisedHost, ports)].join(','),
    'listener.security.protocol.map': [...protocols, 'CONTROLLER:PLAINTEXT'].join(','),
  };
}

const launchOf = (shared: Shared, node: Node, properties: string): Launch => ({
  name: `kafka ${node.nodeId}`,
  ...launchKafka({ folder: shared.install, properties }),
  ready: () => accepts(node.port),
});
