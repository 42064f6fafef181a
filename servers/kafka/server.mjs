// @ts-check
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { lockFile, mavenVersion } from '../pins.mjs';

const pom = lockFile('kafka/pom.xml');
const sums = lockFile('kafka/libs.sha256');
const version = mavenVersion(pom, 'kafka_2.13');

/** @type {import('../types.mjs').Server} */
export const kafka = {
  name: 'kafka',
  version,
  image: `apache/kafka:${version}`,
  variable: 'ROLLCALL_KAFKA',
  port: 9092,
  locks: [pom, sums],
  binary: undefined,
  niceness: 0,
  build: { tool: 'maven', pom, sums },
  copies: [{ from: '/opt/kafka/libs', to: 'libs' }],
};

/**
 * `server.properties` of one node that is broker and controller at once (KRaft's combined mode).
 *
 * @param {object} node
 * @param {number} node.nodeId
 * @param {string} node.dataDir
 * @param {number} node.port for clients and other brokers, on 127.0.0.1
 * @param {number} node.controllerPort
 * @param {string} [node.voters] `id@host:port,…` of a static quorum; a quorum of this one by default
 * @param {number} [node.replicas] replication factor of new topics; 1 unless given
 * @param {Readonly<Record<string, string>>} [node.properties] more, or others
 */
export function kafkaProperties({ nodeId, dataDir, port, controllerPort, voters, replicas = 1, properties = {} }) {
  const minIsr = String(Math.max(1, replicas - 1));
  const all = {
    'process.roles': 'broker,controller',
    'node.id': String(nodeId),
    'log.dirs': dataDir,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    ...(voters === undefined
      ? { 'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}` }
      : { 'controller.quorum.voters': voters }),
    'default.replication.factor': String(replicas),
    'offsets.topic.replication.factor': String(replicas),
    'transaction.state.log.replication.factor': String(replicas),
    'min.insync.replicas': minIsr,
    'transaction.state.log.min.isr': minIsr,
    // 50 partitions by default: each is a folder and a log to recover at every start.
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    // 128 MiB by default, allocated at the start: the whole heap of `launchKafka`.
    'log.cleaner.dedupe.buffer.size': '4194304',
    // 9000 and 2000 by default. The controller refuses a killed broker's new incarnation until the old session ends.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    ...properties,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** A new cluster's id: 16 bytes in base64url. The first is 0, or a leading `-` would be taken for a flag. */
export const newClusterId = () => Buffer.concat([Buffer.of(0), randomBytes(15)]).toString('base64url');

/**
 * The command that formats a node's data folder, once, before its first start.
 *
 * @param {object} node
 * @param {string} node.folder install folder
 * @param {string} node.properties path of server.properties
 * @param {string} node.clusterId 16 bytes in see newClusterId
 * @param {boolean} node.standalone true unless the properties name static voters
 * @returns {import('../types.mjs').Launch}
 */
export function formatKafka({ folder, properties, clusterId, standalone }) {
  const args = ['format', '-t', clusterId, '-c', properties, ...(standalone ? ['--standalone'] : [])];
  return kafkaTool(folder, 'kafka.tools.StorageTool', args);
}

/**
 * @param {object} node
 * @param {string} node.folder install folder
 * @param {string} node.properties path of server.properties
 * @returns {import('../types.mjs').Launch}
 */
export function launchKafka({ folder, properties }) {
  // The default log4j configuration prints only errors.
  return jvm(folder, ['-Xmx128m', '-Dorg.apache.logging.log4j.level=INFO'], 'kafka.Kafka', [properties]);
}

/**
 * The command of one of Kafka's own tools, as `org.apache.kafka.tools.TopicCommand`.
 *
 * @param {string} folder install folder
 * @param {string} mainClass
 * @param {readonly string[]} args
 * @returns {import('../types.mjs').Launch}
 */
export function kafkaTool(folder, mainClass, args) {
  return jvm(folder, ['-Xmx64m'], mainClass, args);
}

/** `java` of JAVA_HOME, else of the PATH. */
export function javaCommand() {
  const home = process.env.JAVA_HOME;
  return home ? join(home, 'bin', 'java') : 'java';
}

/**
 * @param {string} folder
 * @param {readonly string[]} options
 * @param {string} mainClass
 * @param {readonly string[]} args
 */
function jvm(folder, options, mainClass, args) {
  // Serial collector and first-tier compiler: a JVM that starts fast and stays small.
  const quick = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  return {
    command: javaCommand(),
    args: [...options, ...quick, '-cp', join(folder, 'libs', '*'), mainClass, ...args],
  };
}
