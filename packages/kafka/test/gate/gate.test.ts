import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Endpoint } from '@rollcall/core/adapter';
import { afterEach, describe, expect, test } from 'vitest';
import { createGate, type GateOptions } from '../../src/index.js';
import { FakeBroker, type FakeBrokerOptions } from '../fakeBroker.js';
import { blackHole, deadEndpoint, serve } from '../loopback.js';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

async function broker(options?: FakeBrokerOptions): Promise<FakeBroker> {
  const started = await FakeBroker.start(options);
  opened.push(started);
  return started;
}

async function server(onConnection: (socket: Socket) => void): Promise<Endpoint> {
  const started = await serve(onConnection);
  opened.push(started);
  return started;
}

const { signal } = new AbortController();

describe('probe', () => {
  test('tells the cluster and where its brokers are to be reached', async () => {
    const advertised = [
      { host: 'B1.Example.com.', port: 9092 },
      { host: '10.0.0.2', port: 9093 },
    ];
    const { endpoint, sockets } = await broker({ clusterId: 'orders', advertised });
    expect(await createGate().probe(endpoint, { signal })).toEqual({
      clusterId: 'orders',
      brokers: [
        { nodeId: 1, host: 'b1.example.com', port: 9092 },
        { nodeId: 2, host: '10.0.0.2', port: 9093 },
      ],
    });
    await Promise.all([...sockets].map((socket) => once(socket, 'end')));
  });

  test('K10 K11 refuses another cluster than the given or learned one', async () => {
    const { endpoint, address } = await broker({ clusterId: 'other' });
    const learned = createGate();
    learned.learn('orders');
    learned.learn('other');
    expect(learned.clusterId).toBe('orders');
    for (const gate of [createGate({ clusterId: 'orders' }), learned]) {
      const refused = gate.probe(endpoint, { signal });
      await expect(refused).rejects.toMatchObject({
        code: 'OTHER_CLUSTER',
        message: `The broker at ${address} is of the cluster "other", not of "orders": it is not connected to.`,
      });
    }
  });

  test('K12 refuses an address outside the allow-list without dialling it', async () => {
    const { endpoint, address, connections } = await broker();
    const refused = createGate({ allow: ['10.0.0.0/8'] }).probe(endpoint, { signal });
    await expect(refused).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: `A broker is not connected to: ${address} is not in the allow-list.`,
    });
    expect(connections).toBe(0);
  });

  test.each([
    { host: '10.6.6.6', port: 9092 },
    { host: 'not an address', port: -1 },
  ])('K12 refuses a broker that would send clients on to %j', async (rogue) => {
    const { endpoint } = await broker({ advertised: [{ host: '127.0.0.1', port: 9092 }, rogue] });
    const refused = createGate({ allow: ['127.0.0.0/8'] }).probe(endpoint, { signal });
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('broker 2') });
  });
});

describe('connect', () => {
  test('asks nothing when there is nothing to verify', async () => {
    const { endpoint, asked } = await broker();
    const socket = await createGate().connect(endpoint, { signal });
    socket.destroy();
    await once(socket, 'close');
    expect(asked.flat()).toEqual([]);
  });

  test('gives the very connection that was asked on, as good as new', async () => {
    const serve = (socket: Socket): void => void socket.on('data', (chunk) => socket.write(chunk));
    const { endpoint, asked } = await broker({ clusterId: 'orders', serve });
    const socket = await createGate({ clusterId: 'orders' }).connect(endpoint, { signal });
    expect(asked).toEqual([[18, 3]]);
    expect(socket.listenerCount('readable') + socket.listenerCount('data') + socket.listenerCount('end')).toBe(1); // node's own
    const echo = once(socket, 'data');
    socket.write('ping');
    expect(String((await echo)[0])).toBe('ping');
    socket.destroy();
  });

  test('K10 sends another cluster not a byte beyond the questions, and hangs up', async () => {
    const other = await broker({ clusterId: 'other' });
    const refused = createGate({ clusterId: 'orders' }).connect(other.endpoint, { signal });
    await expect(refused).rejects.toMatchObject({ code: 'OTHER_CLUSTER' });
    await Promise.all([...other.sockets].map((socket) => once(socket, 'end')));
    expect([other.connections, other.received]).toEqual([1, 0]);
  });

  test('a broker that speaks TLS or wants a login cannot be asked, and the message says what to give', async () => {
    const gate = createGate({ clusterId: 'orders' });
    const tls = await server((socket) => socket.end(Buffer.of(0x15, 3, 3, 0, 2, 2, 80)));
    await expect(gate.connect(tls, { signal })).rejects.toMatchObject({
      code: 'TLS',
      message: `The broker at 127.0.0.1:${tls.port} cannot be asked for its cluster: it speaks TLS: give "tls".`,
    });
  });
});

describe('what a connection leads to', () => {
  test('it can be refused before anything is sent', async () => {
    const { endpoint, asked } = await broker({ clusterId: 'orders' });
    const onConnect = (socket: Socket): void => {
      throw new Error(`not ${socket.remotePort}`);
    };
    const refused = createGate({ clusterId: 'orders' }).connect(endpoint, { signal, onConnect });
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(`not ${endpoint.port}`) });
    expect(asked.flat()).toEqual([]);
  });

  test('the broker is asked at the IP address that the client gets, also on another connection', async () => {
    const asked: (string | undefined)[] = [];
    const { port } = await server((socket) => {
      asked.push(socket.localAddress);
      // Whoever asks is told to log in another way, so that nothing more comes.
      socket.once('data', () => socket.end());
    });
    const sasl = { mechanism: 'plain', username: 'u', password: 'p' } as const;
    const gate = createGate({ clusterId: 'orders', sasl, allow: ['localhost'] });
    await expect(gate.connect({ host: 'localhost', port }, { signal })).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});

describe('what answers in a broker’s place', () => {
  test.each([
    ['nothing, and hangs up', '', 'UNREACHABLE', 'it ended the connection'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'BAD_RESPONSE', 'it speaks HTTP'],
    ['half an answer', Buffer.of(0, 0, 0, 9, 0, 0), 'UNREACHABLE', 'it ended the connection'],
    ['an endless answer', Buffer.of(127, 255, 255, 255), 'BAD_RESPONSE', 'its answer would be 2147483647 bytes long'],
    ['a negative length', Buffer.of(255, 255, 255, 255), 'BAD_RESPONSE', 'its answer would be -1 bytes long'],
    ['an empty answer', Buffer.of(0, 0, 0, 0), 'BAD_RESPONSE', 'it is cut off'],
    ['another correlation id', Buffer.of(0, 0, 0, 6, 0, 0, 0, 9, 0, 0), 'BAD_RESPONSE', 'it answers another question'],
    ['an error', Buffer.of(0, 0, 0, 6, 0, 0, 0, 1, 0, 35), 'BAD_RESPONSE', 'it answers with error 35'],
    [
      'a forged length of an array',
      Buffer.of(0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 127, 255, 255, 255),
      'BAD_RESPONSE',
      'it names more items than it holds',
    ],
  ])('%s', async (_, answer, code, why) => {
    const endpoint = await server((socket) => void socket.once('data', () => socket.end(answer)));
    const error: unknown = await createGate()
      .probe(endpoint, { signal })
      .catch((thrown) => thrown);
    const message = `The broker at 127.0.0.1:${endpoint.port} cannot be asked for its cluster: ${why}.`;
    expect(error).toMatchObject({ code, message });
  });

  test('nobody', async () => {
    const endpoint = await deadEndpoint();
    const message = `Cannot connect to the broker at 127.0.0.1:${endpoint.port}: nothing listens there; is Kafka running, is the port right? (ECONNREFUSED).`;
    await expect(createGate().connect(endpoint, { signal })).rejects.toMatchObject({ code: 'UNREACHABLE', message });
  });

  test('K13 a black hole: the deadline ends the dial', async () => {
    await using endpoint = await blackHole();
    const started = performance.now();
    const late = createGate().connect(endpoint, { signal, timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('silence: the deadline is for all of it, and an abort ends it at once', async () => {
    const endpoint = await server(() => {});
    const gate = createGate({ clusterId: 'orders' });
    const message = `No answer from the broker at 127.0.0.1:${endpoint.port} within 30 ms.`;
    const late = gate.connect(endpoint, { signal, timeoutMs: 30 });
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', message });
    const stop = new AbortController();
    const stopped = gate.probe(endpoint, { signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
    await expect(gate.connect(endpoint, { signal: stop.signal })).rejects.toThrow('stopped');
  });
});

test.runIf(process.platform === 'linux')(
  'an idle connection is kept alive often enough for whoever forgets it',
  async () => {
    const { endpoint } = await broker();
    const socket = await createGate().connect(endpoint, { signal });
    opened.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
    const port = `:${socket.localPort?.toString(16).toUpperCase().padStart(4, '0')}`;
    const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
    // proc(5): which timer runs (2: keepalive), and when it fires, in hundredths of a second.
    const [timer, when = ''] = lines.find((fields) => fields[1]?.endsWith(port))?.[5]?.split(':') ?? [];
    expect(timer).toBe('02');
    expect(Number.parseInt(when, 16) / 100).toBeLessThanOrEqual(60);
  },
);

test.each<[GateOptions, string]>([
  [{ clusterId: '' }, 'clusterId'],
  [{ allow: [] }, 'allow'],
  [{ allow: 'kafka-1' as unknown as string[] }, 'allow'],
  [{ sasl: { mechanism: 'gssapi' as 'plain', username: 'u', password: 'p' } }, 'sasl.mechanism'],
  [{ sasl: { mechanism: 'plain', username: '', password: 'p' } }, 'sasl.username'],
  [{ sasl: { mechanism: 'plain', username: 'u', password: '' } }, 'sasl.password'],
  [{ sasl: { mechanism: 'oauthbearer' as 'plain', username: 'u', password: 'p' } }, 'give "sasl.authenticate"'],
  [{ sasl: { mechanism: 'OAUTHBEARER', authenticate: 'token' as never } }, 'sasl.authenticate'],
  [{ sasl: { mechanism: 'X', authenticate: async () => {}, username: 'u' } as never }, 'or "username" and "password"'],
  [{ sasl: { mechanism: 'X', authenticator: async () => {} } as never }, 'did you mean authenticate?'],
  [{ sasl: null as never }, 'sasl is null'],
  [{ clusterID: 'x' } as never, 'did you mean clusterId?'],
  [{ tls: 'yes' as unknown as true }, 'tls'],
  [{ tls: { key: 'no key' } }, 'tls'],
])('an option that cannot be used is named: %j', (options, name) => {
  expect(() => createGate(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  expect(() => createGate(options)).toThrow(name);
});
