import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { type Kafka, startKafka } from '../support/kafka.js';
import { tlsProperties } from '../support/kafka-security.js';
import { listed } from '../support/producing.js';
import { startRelaying } from '../support/relaying.js';
import { runTool } from '../support/tool.js';

/** The name that the broker's certificate is for; an address it is not for. */
const NAME = 'localhost';

let kafka: Kafka;
let certificates: Certificates;

beforeAll(async () => {
  certificates = await makeCertificates({ serverNames: `DNS:${NAME}` });
  const properties = await tlsProperties(certificates);
  kafka = await startKafka({ listeners: ['SSL'], advertisedHost: NAME, properties });
  await kafka.createTopic('lines');
});

afterAll(async () => {
  await kafka?.[Symbol.asyncDispose]();
});

/** kcat, which is librdkafka. @throws an Error that says how to get it */
async function kcat(args: readonly string[], input?: string): Promise<string> {
  try {
    return await runTool('kcat', args, input);
  } catch (error) {
    if (!/ENOENT/.test(String(error))) throw error;
    throw new Error('This test needs kcat: apt-get install -y kcat, or https://github.com/edenhill/kcat.', {
      cause: error,
    });
  }
}

test('kcat knows nothing but the relay, before and after the broker moved', { timeout: 120_000 }, async () => {
  const [broker] = kafka.brokers;
  if (broker === undefined) throw new Error('no broker');
  await using relaying = await startRelaying(kafka.bootstrap, { clusterId: kafka.clusterId });
  const { address, stats } = relaying.relay;
  for (let move = 1; move <= 2; move++) {
    await kcat(['-b', address, '-t', 'lines', '-P', '-X', 'acks=all'], `one ${move}\ntwo ${move}\n`);
    const listing = await kcat(['-b', address, '-L']);
    expect(listing).toContain(`broker 1 at ${broker.endpoint}`);
    await broker.move();
    relaying.register(broker.endpoint);
    // kcat ends, of its own will, as soon as it finds no broker.
    await listed(relaying.brokers, [broker.endpoint]);
  }
  const lines = await kcat(['-b', address, '-t', 'lines', '-C', '-e', '-q', '-o', 'beginning']);
  expect(lines.trimEnd().split('\n')).toEqual(['one 1', 'two 1', 'one 2', 'two 2']);
  expect(stats.refused).toBe(0);
});

test('K20 kcat over TLS: by the name it works, by address it fails clearly or verifies no name', async () => {
  const [broker] = kafka.brokers;
  await using relaying = await startRelaying([`${NAME}:${broker?.portOf('SSL')}`]);
  const { address, port } = relaying.relay;
  const ask = (bootstrap: string, ...more: readonly string[]): Promise<string> =>
    kcat([
      '-b',
      bootstrap,
      '-L',
      '-t',
      'lines',
      '-m',
      '20',
      '-X',
      'security.protocol=ssl',
      '-X',
      `ssl.ca.location=${certificates.caFile}`,
      ...more,
    ]);
  expect(await ask(`${NAME}:${port}`)).toContain('topic "lines" with 1 partitions');
  await expect(ask(address)).rejects.toThrow(/broker certificate could not be verified/);
  expect(await ask(address, '-X', 'ssl.endpoint.identification.algorithm=none')).toContain('topic "lines"');
}, 90_000);
