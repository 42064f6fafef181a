import { EventEmitter, once } from 'node:events';
import type { Endpoint } from '@rollcall/core/adapter';
import { expect, test } from 'vitest';
import { type BrokerList, createGate, followBrokers, type Gate } from '../../src/index.js';
import { FakeGate } from '../fakeGate.js';

const kGetBootstrapConnection = Symbol('bootstrap');
class NetworkError extends Error {
  readonly properties: { canRetry: boolean; cause?: unknown };

  constructor(message: string, properties: { canRetry: boolean; cause?: unknown }) {
    super(message);
    this.properties = properties;
  }
}

type Callback = (error: Error | null, connection?: string) => void;

/** What of a client's pool is touched: one that connects to whoever is not down. */
class Pool {
  readonly connected = new Set<string>();
  readonly down = new Set<string>();

  has({ port }: Endpoint): boolean {
    return this.connected.has(`${port}`);
  }

  get(broker: Endpoint | undefined, callback: Callback): void {
    if (broker === undefined) callback(new Error('unknown broker'));
    else if (this.down.has(`${broker.port}`)) callback(new Error(`${broker.port} is down`));
    else {
      this.connected.add(`${broker.port}`);
      callback(null, `${broker.host}:${broker.port}`);
    }
  }

  getFirstAvailable([broker, ...others]: Endpoint[], callback: Callback): void {
    this.get(broker, (error, connection) => {
      if (error === null || others.length === 0) callback(error, connection);
      else this.getFirstAvailable(others, callback);
    });
  }
}

function setUp(list: readonly string[], gate: Gate = createGate(), known: readonly Endpoint[] = []) {
  const pool = new Pool();
  const metadata = { brokers: new Map(known.map((broker, id) => [id, broker])) };
  const client = { connections: pool, currentMetadata: known.length === 0 ? undefined : metadata };
  let current = list;
  const brokers = { gate, ready: async () => ({ brokers: current }) } as unknown as BrokerList;
  const followed = followBrokers(client, brokers, { kGetBootstrapConnection, NetworkError });
  expect(followed).toBe(client);
  const bootstrap = (attempt = 0): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const ask = (client as unknown as Record<symbol, (callback: Callback, attempt: number) => void>)[
        kGetBootstrapConnection
      ];
      ask?.((error, connection) => (error === null ? resolve(connection) : reject(error)), attempt);
    });
  const get = (broker: Endpoint | undefined): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      pool.get(broker, (error, connection) => (error === null ? resolve(connection) : reject(error)));
    });
  const move = (to: readonly string[]): void => {
    current = to;
  };
  return { pool, bootstrap, get, move };
}

test('each bootstrap begins with the list as it is then, and goes round it from attempt to attempt', async () => {
  const { bootstrap, move } = setUp(['a:1', 'b:2']);
  expect(await bootstrap()).toBe('a:1');
  expect(await bootstrap(1)).toBe('b:2');
  expect(await bootstrap(2)).toBe('a:1');
  move(['c:3']);
  expect(await bootstrap(1)).toBe('c:3');
});

test('brokers that the client knows come after those of the list', async () => {
  const { bootstrap, pool } = setUp(['a:1'], createGate(), [{ host: 'k', port: 9 }]);
  pool.down.add('1');
  expect(await bootstrap()).toBe('k:9');
});

test('K12 no connection is made to an address outside the allow-list, also to one that a broker named', async () => {
  const gate = new FakeGate({ allow: ['10.0.0.0/8'] });
  gate.answer('one', '10.0.0.2:2');
  const { get, pool } = setUp(['10.0.0.1:1'], gate);
  expect(await get({ host: '10.0.0.2', port: 2 })).toBe('10.0.0.2:2');
  await expect(get({ host: '192.0.2.1', port: 3 })).rejects.toMatchObject({
    constructor: NetworkError,
    properties: { canRetry: true },
  });
  expect([...pool.connected]).toEqual(['2']);
  // What one advertises is looked at before the client hears it.
  expect(gate.asked).toEqual(['10.0.0.2:2']);
});

test('K10 K11 K12 where there is something to ask each new connection is asked first, and an open one is not', async () => {
  const asked: number[] = [];
  const refused = new Error('of another cluster');
  const gate = {
    ...createGate({ clusterId: 'one' }),
    asks: true,
    refusal: () => undefined,
    probe: async ({ port }: Endpoint) => {
      asked.push(port);
      if (port === 2) throw refused;
    },
  } as unknown as Gate;
  const { get } = setUp(['a:1'], gate);
  await get({ host: 'a', port: 1 });
  await get({ host: 'a', port: 1 });
  await expect(get({ host: 'a', port: 2 })).rejects.toThrow('of another cluster');
  expect(asked).toEqual([1, 2]);
});

test('a broker that the client does not know yet is its own business', async () => {
  await expect(setUp(['a:1']).get(undefined)).rejects.toThrow('unknown broker');
});

test("K12 a consumer's streams, which have connections of their own, are not let through either", async () => {
  const stream = new Pool();
  const consumer = {
    connections: new Pool(),
    currentMetadata: undefined,
    fetch({ connectionPool }: { connectionPool?: Pool }, callback: Callback): void {
      (connectionPool ?? this.connections).get({ host: '192.0.2.1', port: 3 }, callback);
    },
  };
  const brokers = { gate: createGate({ allow: ['10.0.0.0/8'] }) } as unknown as BrokerList;
  followBrokers(consumer, brokers, { kGetBootstrapConnection, NetworkError });
  for (const options of [{ connectionPool: stream }, { connectionPool: stream }, {}]) {
    const fetched = new Promise((resolve, reject) => {
      consumer.fetch(options, (error) => (error === null ? resolve(undefined) : reject(error)));
    });
    await expect(fetched).rejects.toMatchObject({ constructor: NetworkError, properties: { canRetry: true } });
  }
  expect([...stream.connected, ...consumer.connections.connected]).toEqual([]);
});

test('K16 a client that is closed while there is no list yet waits no longer', async () => {
  const client = Object.assign(new EventEmitter(), { connections: new Pool(), currentMetadata: undefined });
  const ready = ({ signal }: { signal?: AbortSignal } = {}): Promise<never> =>
    once(signal ?? new EventTarget(), 'abort').then(() => Promise.reject(signal?.reason));
  const brokers = { gate: createGate(), ready } as unknown as BrokerList;
  const followed = followBrokers(client, brokers, { kGetBootstrapConnection, NetworkError });
  const asked = new Promise((resolve, reject) => {
    const ask = (followed as unknown as Record<symbol, (callback: Callback) => void>)[kGetBootstrapConnection];
    ask?.((error) => (error === null ? resolve(undefined) : reject(error)));
  });
  client.emit('client:close');
  await expect(asked).rejects.toMatchObject({ constructor: NetworkError, properties: { canRetry: false } });
});
