import { createHash } from 'node:crypto';
import { brokerList, createRollcall, type Logger } from 'rollcall';
import { expect, test } from 'vitest';
import { createCallers } from '../../examples/collector/src/callers.js';
import { createCollector } from '../../examples/collector/src/collector.js';
import { Store } from '../../examples/collector/src/store.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { type Kafka, startKafka } from '../support/kafka.js';
import { freePort } from '../support/ports.js';
import { ExampleProcess } from './exampleProcess.js';

const TOPIC = 'events';
const quiet = (): void => {};
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** What is in etcd: brokers and callers. */
function registryOf(etcd: Etcd) {
  const caller = (name: string, key: string): Promise<string> => {
    const sha256 = createHash('sha256').update(key).digest('hex');
    return etcd.etcdctl(['put', `callers/${name}`, JSON.stringify({ sha256 })]);
  };
  return {
    brokers: `etcd://${etcd.endpoint}/broker/kafka/`,
    callers: `etcd://${etcd.endpoint}/callers/`,
    caller,
    revoke: (name: string) => etcd.etcdctl(['del', `callers/${name}`]),
    broker: (address: string) => etcd.etcdctl(['put', `broker/kafka/${address}`, '']),
    noBroker: (address: string) => etcd.etcdctl(['del', `broker/kafka/${address}`]),
  };
}

const post = (origin: string, key: string, body: string): Promise<Response> =>
  fetch(origin, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body });

async function brokerOf(kafka: Kafka) {
  await kafka.createTopic(TOPIC, { partitions: 3 });
  return kafka.brokers[0] ?? expect.fail('no broker');
}

/** Posts numbered records, several at once, until it is stopped. */
class Senders {
  readonly stored = new Set<string>();
  readonly others = new Map<number, number>();
  #isStopped = false;
  #next = 0;
  readonly #all: Promise<unknown>;
  #waiting: { readonly at: number; readonly reached: () => void }[] = [];

  constructor(origin: string, key: string, count: number) {
    this.#all = Promise.all(Array.from({ length: count }, () => this.#send(origin, key)));
  }

  /** Resolves when so many more have been stored. */
  more(count: number): Promise<void> {
    return new Promise((reached) => this.#waiting.push({ at: this.stored.size + count, reached }));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#all;
  }

  async #send(origin: string, key: string): Promise<void> {
    while (!this.#isStopped) {
      const number = `n${this.#next++}`;
      const { status } = await post(origin, key, number);
      if (status === 204) this.stored.add(number);
      else this.others.set(status, (this.others.get(status) ?? 0) + 1);
      for (const { at, reached } of this.#waiting) if (this.stored.size >= at) reached();
      this.#waiting = this.#waiting.filter(({ at }) => this.stored.size < at);
    }
  }
}

test('what is answered is stored once, while keys change, etcd restarts and all brokers are killed and move', async () => {
  await using etcd = await startEtcd();
  await using kafka = await startKafka();
  const broker = await brokerOf(kafka);
  const registry = registryOf(etcd);
  const listen = `127.0.0.1:${await freePort()}`;
  const origin = `http://${listen}`;
  const urls = ['--brokers', registry.brokers, '--callers', registry.callers];
  await using collector = await ExampleProcess.start('collector', [...urls, '--topic', TOPIC, '--listen', listen]);
  await collector.said('Listening on');
  let extra = 0;
  const status = async (key: string): Promise<number> => {
    const answer = await post(origin, key, 'extra');
    if (answer.status === 204) extra++;
    return answer.status;
  };
  const becomes = async (key: string, expected: number): Promise<void> => {
    while ((await status(key)) !== expected);
  };
  await becomes('unknown', 401);
  await registry.caller('one', 'key-1');
  await becomes('key-1', 503);
  await registry.broker(broker.endpoint);
  await collector.said('Kafka is there');
  await becomes('key-1', 204);

  const senders = new Senders(origin, 'key-1', 12);
  await senders.more(200);
  // A caller comes and goes without a restart, and one that is revoked is refused within a second.
  await registry.caller('two', 'key-2');
  await becomes('key-2', 204);
  await registry.revoke('two');
  const revoked = performance.now();
  await becomes('key-2', 401);
  expect(performance.now() - revoked).toBeLessThan(1_000);

  // The registry is away: the last good keys.
  await etcd.kill9();
  await senders.more(200);
  expect([await status('key-1'), await status('key-2')]).toEqual([204, 401]);
  await etcd.restart();
  await registry.caller('three', 'key-3');
  await becomes('key-3', 204);

  for (let move = 0; move < 2; move++) {
    const before = broker.endpoint;
    await broker.move();
    await registry.broker(broker.endpoint);
    await registry.noBroker(before);
    await senders.more(200);
  }
  await senders.stop();
  expect(await collector.stop('SIGTERM')).toBe(0);

  const records = await kafka.consume(TOPIC, senders.stored.size + extra);
  const numbers = records.filter((record) => record !== 'extra');
  console.log(`${numbers.length} records stored; other answers ${JSON.stringify([...senders.others])}`);
  expect(numbers.sort()).toEqual([...senders.stored].sort());
  expect([...senders.others.keys()].filter((each) => each !== 429)).toEqual([]);
}, 240_000);

test('a buffer that is full answers 429, and what it holds is stored when Kafka is back', async () => {
  await using etcd = await startEtcd();
  await using kafka = await startKafka();
  const broker = await brokerOf(kafka);
  const registry = registryOf(etcd);
  await Promise.all([registry.broker(broker.endpoint), registry.caller('one', 'key-1')]);
  await using rollcall = createRollcall({ logger });
  await using brokers = brokerList(rollcall.watch(registry.brokers));
  const callers = createCallers(rollcall.watch(registry.callers), logger);
  await callers.callers.ready();
  const store = await Store.open(brokers, { topic: TOPIC, buffer: 5, logger });
  const collector = await createCollector({ callers, store: () => store, host: '127.0.0.1', port: 0, logger });
  const origin = `http://127.0.0.1:${collector.port}`;
  broker.pause();
  const asked = Array.from({ length: 12 }, (_, i) => post(origin, 'key-1', `r${i}`));
  const refused = await Promise.race(asked);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  broker.resume();
  const answers = (await Promise.all(asked)).map(({ status }) => status).sort();
  expect(answers).toEqual([...Array(5).fill(204), ...Array(7).fill(429)]);
  expect(new Set(await kafka.consume(TOPIC, 5)).size).toBe(5);
  for (const length of [1_000_001, 8_000_000]) {
    expect((await post(origin, 'key-1', 'x'.repeat(length))).status).toBe(413);
  }
  expect(await collector.close(1_000)).toBe(0);
}, 120_000);

test('on shutdown what cannot be stored in time is counted, and the exit code is 1', async () => {
  await using etcd = await startEtcd();
  await using kafka = await startKafka();
  const broker = await brokerOf(kafka);
  const registry = registryOf(etcd);
  await Promise.all([registry.broker(broker.endpoint), registry.caller('one', 'key-1')]);
  const listen = `127.0.0.1:${await freePort()}`;
  const urls = ['--brokers', registry.brokers, '--callers', registry.callers];
  const args = [...urls, '--topic', TOPIC, '--listen', listen, '--flush-ms', '300'];
  await using collector = await ExampleProcess.start('collector', args);
  await collector.said('Kafka is there');
  const origin = `http://${listen}`;
  expect((await post(origin, 'key-1', 'stored')).status).toBe(204);
  await broker.kill9();
  const lost = post(origin, 'key-1', 'lost').catch(() => 'no answer');
  // It connects anew only to send.
  await collector.said('onnection error');
  expect(await collector.stop('SIGTERM')).toBe(1);
  expect(await lost).toBe('no answer');
  expect(collector.output).toContain('1 accepted records were not stored');
}, 120_000);
