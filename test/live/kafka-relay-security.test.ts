import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkServerIdentity } from 'node:tls';
import type { BrokerListOptions } from '@rollcall/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { type Kafka, type SecureProtocol, startKafka } from '../support/kafka.js';
import { loginProperties, tlsProperties } from '../support/kafka-security.js';
import { type KafkaJs, type KafkaOptions, loadKafkaJs } from '../support/kafkajs.js';
import { temporaryRoot } from '../support/reaper.js';
import { startRelaying } from '../support/relaying.js';

const PASSWORD = 'correct-horse-battery';
/** The name that every broker's certificate is for; an address it is not for. */
const NAME = 'localhost';
const PROTOCOLS = ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;

let kafkajs: KafkaJs;
let kafka: Kafka;
let certificates: Certificates;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(temporaryRoot(), 'relay-'));
  certificates = await makeCertificates({ serverNames: `DNS:${NAME}` });
  const logins = PROTOCOLS.filter((each) => each !== 'SSL').map((each) => loginProperties(each, 'app', PASSWORD));
  const properties = { ...Object.assign({}, ...logins), ...(await tlsProperties(certificates)) };
  [kafkajs, kafka] = await Promise.all([
    loadKafkaJs(),
    startKafka({ listeners: PROTOCOLS, advertisedHost: NAME, properties }),
  ]);
  await Promise.all([kafka.createScramUser('app', PASSWORD), kafka.createTopic('lines')]);
});

afterAll(async () => {
  await kafka?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const tls = (): { readonly ca: string } => ({ ca: certificates.client.ca });

/** A relay for the broker's listener of this protocol. */
function relayFor(protocol: SecureProtocol, options: BrokerListOptions = {}) {
  const [broker] = kafka.brokers;
  return startRelaying([`${NAME}:${broker?.portOf(protocol)}`], { dialTimeoutMs: 10_000, ...options });
}

/** Connects a kafkajs client and has it ask for the topic, which the advertised broker answers. */
async function askByKafkaJs(bootstrap: string, options: Partial<KafkaOptions>): Promise<number> {
  const { Kafka, logLevel } = kafkajs;
  const retry = { retries: 0 };
  // For a broker that compiles its first handshakes on a busy machine; 1 s by default.
  const patience = { connectionTimeout: 20_000 };
  const admin = new Kafka({ brokers: [bootstrap], retry, ...patience, logLevel: logLevel.NOTHING, ...options }).admin();
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: ['lines'] });
    return topics.length;
  } finally {
    await admin.disconnect();
  }
}

/** What Kafka's own console producer says when it sends a line; empty when all is well. */
async function sendByJava(bootstrap: string, config: Readonly<Record<string, string>>): Promise<string> {
  const file = join(folder, 'client.properties');
  const lines = { 'delivery.timeout.ms': '20000', 'request.timeout.ms': '10000', ...config };
  await writeFile(
    file,
    Object.entries(lines)
      .map((pair) => `${pair.join('=')}\n`)
      .join(''),
  );
  return kafka.tool('ConsoleProducer', ['--topic', 'lines', '--command-config', file], 'line\n', bootstrap);
}

const javaTls = (): Record<string, string> => ({
  'security.protocol': 'SSL',
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': certificates.caFile,
});

describe('K20 TLS through the relay, which passes it on as it is', () => {
  test('works by a name that the certificate is for', { timeout: 90_000 }, async () => {
    await using relaying = await relayFor('SSL', { tls: tls(), clusterId: kafka.clusterId, allow: [NAME] });
    const { relay } = relaying;
    expect(await askByKafkaJs(`${NAME}:${relay.port}`, { ssl: tls() })).toBe(1);
    expect(await sendByJava(`${NAME}:${relay.port}`, javaTls())).toBe('');
    expect([relay.stats.failedDials, relaying.warnings]).toEqual([0, []]);
  });

  test('fails clearly by an address that it is not for', { timeout: 90_000 }, async () => {
    await using relaying = await relayFor('SSL');
    const { address } = relaying.relay;
    await expect(askByKafkaJs(address, { ssl: tls() })).rejects.toThrow(/IP: 127\.0\.0\.1 is not in the cert's list/);
    expect(await sendByJava(address, javaTls())).toMatch(
      /No subject alternative names matching IP address 127\.0\.0\.1/,
    );
  });

  test('works by address where the client is told the name', { timeout: 90_000 }, async () => {
    await using relaying = await relayFor('SSL');
    const { relay } = relaying;
    const named = { ...tls(), checkServerIdentity: forRelay(relay.address, NAME) };
    expect(await askByKafkaJs(relay.address, { ssl: named })).toBe(1);
    expect(await sendByJava(relay.address, { ...javaTls(), 'ssl.endpoint.identification.algorithm': '' })).toBe('');
  });

  test('is refused, with what to give, where the cluster is pinned and the relay cannot ask', async () => {
    await using relaying = await relayFor('SSL', { clusterId: kafka.clusterId });
    const { relay, warnings } = relaying;
    const advice = expect.stringContaining('it speaks TLS: give "tls"');
    await expect.poll(() => warnings, { timeout: 15_000 }).toContainEqual(advice);
    const client = { ssl: tls(), connectionTimeout: 1_000 };
    await expect(askByKafkaJs(`${NAME}:${relay.port}`, client)).rejects.toThrow();
    expect(relay.stats.forwarded).toBe(0);
  });
});

describe('a login through the relay is between client and broker', () => {
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'])('kafkajs, %s', async (mechanism) => {
    await using relaying = await relayFor('SASL_PLAINTEXT');
    const { address } = relaying.relay;
    expect(await askByKafkaJs(address, { sasl: { mechanism, username: 'app', password: PASSWORD } })).toBe(1);
    await expect(askByKafkaJs(address, { sasl: { mechanism, username: 'app', password: 'x' } })).rejects.toThrow(
      /authentication failed/i,
    );
  });

  test("Kafka's own tools, SCRAM over TLS, to a pinned cluster", { timeout: 90_000 }, async () => {
    const sasl = { mechanism: 'scram-sha-512', username: 'app', password: PASSWORD } as const;
    await using relaying = await relayFor('SASL_SSL', { clusterId: kafka.clusterId, tls: tls(), sasl });
    const login = 'org.apache.kafka.common.security.scram.ScramLoginModule';
    const config = {
      ...javaTls(),
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'SCRAM-SHA-512',
      'sasl.jaas.config': `${login} required username="app" password="${PASSWORD}";`,
    };
    expect(await sendByJava(`${NAME}:${relaying.relay.port}`, config)).toBe('');
    expect(relaying.warnings).toEqual([]);
  });
});

/** Verifies the relay's address as this name, and every other host as itself. */
function forRelay(address: string, name: string): typeof checkServerIdentity {
  const [relay] = address.split(':');
  return (host, certificate) => checkServerIdentity(host === relay ? name : host, certificate);
}
