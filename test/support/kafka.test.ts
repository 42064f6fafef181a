import { expect, test } from 'vitest';
import { startKafka } from './kafka.js';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `message ${index}`);

test('Kafka keeps acknowledged messages through kill -9, on the same port', { timeout: 60_000 }, async () => {
  await using kafka = await startKafka();
  const [broker] = kafka.brokers;
  const { pid, endpoint } = { pid: broker?.pid, endpoint: broker?.endpoint };
  await kafka.createTopic('numbers');
  await kafka.produce('numbers', numbers(10));
  await broker?.kill9();
  await broker?.restart();
  expect(broker?.pid).not.toBe(pid);
  expect(broker?.endpoint).toBe(endpoint);
  expect(await kafka.consume('numbers', 10)).toEqual(numbers(10));
});

test('a moved Kafka broker has its data on another port', { timeout: 60_000 }, async () => {
  await using kafka = await startKafka();
  await kafka.createTopic('numbers');
  await kafka.produce('numbers', numbers(3));
  const before = kafka.bootstrap;
  await kafka.brokers[0]?.move();
  expect(kafka.bootstrap).not.toEqual(before);
  expect(await kafka.consume('numbers', 3)).toEqual(numbers(3));
});

test('three Kafka brokers go on without one of them', { timeout: 120_000 }, async () => {
  await using kafka = await startKafka({ brokers: 3 });
  await kafka.createTopic('numbers');
  await kafka.brokers[0]?.kill9();
  await kafka.produce('numbers', numbers(10));
  await kafka.brokers[0]?.restart();
  expect(await kafka.consume('numbers', 10)).toEqual(numbers(10));
});
