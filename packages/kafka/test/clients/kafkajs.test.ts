import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { BrokerList } from '../../src/index.js';
import { createGate, type GateOptions, kafkajsOptions } from '../../src/index.js';
import { FakeBroker } from '../fakeBroker.js';
import { serve, until } from '../loopback.js';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

async function broker(clusterId: string): Promise<FakeBroker> {
  const started = await FakeBroker.start({ clusterId, serve: (socket) => socket.pipe(socket) });
  opened.push(started);
  return started;
}

/** As kafkajs dials: it listens at once, and writes when it is told that it is connected. */
function dial({ endpoint: { host, port } }: Pick<FakeBroker, 'endpoint'>, options: GateOptions = {}, ssl?: object) {
  const brokers = { gate: createGate(options), list: async () => ['unused:9092'] } as unknown as BrokerList;
  const { socketFactory } = kafkajsOptions(brokers);
  let onConnect = (): void => {};
  const connected = new Promise<void>((resolve) => {
    onConnect = resolve;
  });
  const socket: Socket = socketFactory({ host, port, ssl, onConnect });
  const received: string[] = [];
  socket.on('data', (chunk: Buffer) => received.push(String(chunk)));
  return { socket, connected, received };
}

test('K10 kafkajs is connected to the cluster, and sees nothing of the question', async () => {
  const one = await broker('one');
  const { socket, connected, received } = dial(one, { clusterId: 'one' });
  await connected;
  socket.write('hello');
  await once(socket, 'data');
  expect(received).toEqual(['hello']);
  expect(one.connections).toBe(1);
  socket.end();
  await once(socket, 'close');
});

test('K10 K11 a broker of another cluster gets no byte of kafkajs', async () => {
  const other = await broker('other');
  const { socket, received } = dial(other, { clusterId: 'one' });
  socket.write('hello');
  await expect(once(socket, 'close')).rejects.toMatchObject({ code: 'OTHER_CLUSTER' });
  expect({ received, bytes: other.received }).toEqual({ received: [], bytes: 0 });
});

test('K12 an address outside the allow-list is not dialled, whoever named it', async () => {
  const rogue = await broker('one');
  const { socket } = dial(rogue, { allow: ['10.0.0.0/8'] });
  await expect(once(socket, 'close')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(rogue.connections).toBe(0);
});

test('K13 a dial that fails is an error that kafkajs retries, as any that does not say otherwise', async () => {
  const gone = await broker('one');
  await gone[Symbol.asyncDispose]();
  const { socket } = dial(gone);
  await expect(once(socket, 'close')).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(socket.errored).not.toHaveProperty('retriable');
});

test('K08 a TLS handshake that nobody answers leaves no connection behind when kafkajs gives it up', async () => {
  let isOpen: boolean | undefined;
  await using hung = await serve((socket) => {
    isOpen = true;
    socket.resume().on('close', () => {
      isOpen = false;
    });
    socket.on('end', () => socket.end());
  });
  const { socket } = dial({ endpoint: hung }, {}, {});
  await until(() => isOpen === true);
  // As its disconnect() does, which its connection timeout calls.
  socket.end();
  socket.unref();
  await until(() => isOpen === false);
});
