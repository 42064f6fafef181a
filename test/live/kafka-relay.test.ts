import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Program } from '../support/cli.js';
import { type Kafka, startKafka } from '../support/kafka.js';
import { type KafkaJs, loadKafkaJs } from '../support/kafkajs.js';
import { NumberedSender, tally } from '../support/numbered.js';
import { freePort } from '../support/ports.js';
import { listed, producerOf, startSending, storedNumbers, TOPIC } from '../support/producing.js';
import { startProxy } from '../support/proxy.js';
import { startRelaying } from '../support/relaying.js';
import { within } from '../support/within.js';

/** Numbers that must be acknowledged before and after each event: half a second at 20 ms. */
const SOME = 25;
const PATIENCE_MS = 60_000;
/** What a broker is sent to ask it for its cluster, bytes. */
const QUESTIONS = 22 + 27;

let kafkajs: KafkaJs;
let kafka: Kafka;
let other: Kafka;

beforeAll(async () => {
  [kafkajs, kafka, other] = await Promise.all([loadKafkaJs(), startKafka(), startKafka()]);
  await kafka.createTopic('lines');
});

afterAll(async () => {
  await Promise.all([kafka?.[Symbol.asyncDispose](), other?.[Symbol.asyncDispose]()]);
});

/** Kafka's own console tools, with the relay as their only bootstrap server: two lines in, and out again. */
async function linesByJava(bootstrap: string): Promise<string[]> {
  await kafka.tool('ConsoleProducer', ['--topic', 'lines'], 'one\ntwo\n', bootstrap);
  const last = ['--topic', 'lines', '--from-beginning', '--max-messages', '2', '--timeout-ms', '30000'];
  return (await kafka.tool('consumer.ConsoleConsumer', last, undefined, bootstrap)).trimEnd().split('\n');
}

test("Kafka's own producer and consumer know nothing but the relay", { timeout: 90_000 }, async () => {
  await using relaying = await startRelaying(kafka.bootstrap, { clusterId: kafka.clusterId, allow: ['127.0.0.0/8'] });
  expect(await linesByJava(relaying.relay.address)).toEqual(['one', 'two']);
  expect(relaying.relay.stats).toMatchObject({ failedDials: 0, refused: 0 });
  expect(relaying.relay.stats.forwarded).toBeGreaterThanOrEqual(2);
  expect(relaying.warnings).toEqual([]);
});

test('K02 K03 a Java producer behind the relay follows a broker that is killed and moved', {
  timeout: 240_000,
}, async () => {
  await using moving = await startKafka();
  const [broker] = moving.brokers;
  if (broker === undefined) throw new Error('no broker');
  await moving.createTopic('lines');
  await using relaying = await startRelaying(moving.bootstrap, { probe: true });
  const launch = moving.toolLaunch('ConsoleProducer', ['--topic', 'lines'], relaying.relay.address);
  await using producer = Program.start(launch.command, launch.args);
  producer.child.stdin.write('before\n');
  expect(await moving.consume('lines', 1)).toEqual(['before']);
  await broker.move();
  relaying.register(broker.endpoint);
  producer.child.stdin.end('after\n');
  expect(await within(PATIENCE_MS, 'the end of the producer', producer.ended)).toMatchObject({ code: 0 });
  expect(await moving.consume('lines', 2)).toEqual(['before', 'after']);
});

test('K02 K03 a kafkajs producer behind the relay follows brokers that are killed and moved', {
  timeout: 240_000,
}, async () => {
  await using moving = await startKafka();
  const [broker] = moving.brokers;
  if (broker === undefined) throw new Error('no broker');
  await moving.createTopic(TOPIC);
  await using relaying = await startRelaying(moving.bootstrap, { probe: true });
  const { relay, brokers } = relaying;
  const sender = new NumberedSender();
  const comes = <T>(what: string, event: Promise<T>): Promise<T> =>
    within(PATIENCE_MS, what, event, () => JSON.stringify([relay.stats, brokers.current, relaying.warnings]));
  const sending = await comes('the first connection', startSending(sender, producerOf(kafkajs, [relay.address])));
  await comes('the first acknowledgements', sending.more(SOME));
  for (let move = 0; move < 2; move++) {
    await broker.move();
    relaying.register(broker.endpoint);
    await comes('the new address', listed(brokers, [broker.endpoint]));
    await comes('acknowledgements from the new address', sending.more(SOME));
  }
  await comes('the end', sending.stop());
  const { lost, duplicated, reordered } = tally(sender.acknowledged, await storedNumbers(moving));
  expect({ lost, duplicated, reordered }).toEqual({ lost: [], duplicated: [], reordered: [] });
});

test('K10 K11 another cluster gets not a byte beyond the question, and no client', { timeout: 90_000 }, async () => {
  await using door = await startProxy({ port: other.brokers[0]?.port ?? 0 });
  await using relaying = await startRelaying([door.endpoint], { clusterId: kafka.clusterId });
  const { relay, warnings } = relaying;
  const producer = producerOf(kafkajs, [relay.address], 5);
  const connecting = producer.connect();
  const told = expect.stringContaining(`is of the cluster "${other.clusterId}"`);
  await expect.poll(() => warnings, { timeout: PATIENCE_MS }).toContainEqual(told);
  // Asked once or again: never more.
  const asked = (): number => door.bytes.toServer - QUESTIONS * door.connections.total;
  await expect.poll(asked).toBe(0);
  expect(relay.stats.forwarded).toBe(0);
  relaying.register(door.endpoint, ...kafka.bootstrap);
  await listed(relaying.brokers, kafka.bootstrap);
  await connecting;
  await producer.disconnect();
  expect(relay.stats.forwarded).toBeGreaterThan(0);
  await expect.poll(asked).toBe(0);
});

test('K12 a broker that would send clients outside the allow-list is not connected to', {
  timeout: 90_000,
}, async () => {
  const roguePort = await freePort();
  let connections = 0;
  const rogue = createServer(() => connections++).listen(roguePort, '127.0.0.1');
  await using lying = await startKafka({
    properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${roguePort}` },
  });
  await using relaying = await startRelaying(lying.bootstrap, { allow: lying.bootstrap });
  const producer = producerOf(kafkajs, [relaying.relay.address], 1);
  await expect(producer.connect()).rejects.toThrow();
  expect(relaying.warnings).toContainEqual(
    expect.stringContaining(`would send clients on to broker 1: 127.0.0.1:${roguePort} is not in the allow-list`),
  );
  expect([relaying.relay.stats.forwarded, connections]).toEqual([0, 0]);
  rogue.close();
});

test('K13 a broker that hangs costs one deadline, and is then tried last', { timeout: 90_000 }, async () => {
  const [hung] = other.brokers;
  if (hung === undefined) throw new Error('no broker');
  hung.pause();
  try {
    const brokers = [hung.endpoint, ...kafka.bootstrap];
    await using relaying = await startRelaying(brokers, { allow: brokers, dialTimeoutMs: 300 });
    const { relay } = relaying;
    for (let connected = 0; connected < 10 || relay.stats.failedDials === 0; connected++) {
      const producer = producerOf(kafkajs, [relay.address], 5);
      await producer.connect();
      await producer.disconnect();
    }
    expect(relay.stats.failedDials).toBeLessThanOrEqual(2);
  } finally {
    hung.resume();
  }
});
