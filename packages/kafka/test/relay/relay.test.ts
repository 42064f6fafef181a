import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WatchError } from '@rollcall/core';
import { type Endpoint, formatEndpoint } from '@rollcall/core/adapter';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type BootstrapRelay,
  createGate,
  createRelay,
  type Gate,
  type RelayBrokers,
  type RelayOptions,
} from '../../src/index.js';
import { FakeBroker, type FakeBrokerOptions } from '../fakeBroker.js';
import { blackHole, deadEndpoint, serve, until, warningsLogger } from '../loopback.js';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

/** Until the end of the test. */
function use<T extends AsyncDisposable>(resource: T): T {
  opened.push(resource);
  return resource;
}

/** A list that the test sets; there is none before. */
class SetList implements RelayBrokers {
  current: readonly string[] = [];
  readonly gate: Gate;
  #resolve = (): void => {};
  #reject = (_: Error): void => {};
  readonly #first = new Promise<void>((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  constructor(endpoints: readonly Endpoint[] = [], gate = createGate()) {
    this.gate = gate;
    this.#first.catch(() => {});
    if (endpoints.length > 0) this.set(...endpoints);
  }

  set(...endpoints: readonly Endpoint[]): void {
    this.current = endpoints.map(formatEndpoint);
    this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  ready({ signal }: { signal: AbortSignal }): Promise<void> {
    const aborted = once(signal, 'abort').then(() => Promise.reject(signal.reason));
    return Promise.race([this.#first, aborted]);
  }
}

async function relayTo(brokers: RelayBrokers, options: RelayOptions = {}) {
  const logger = warningsLogger();
  const relay = use(await createRelay(brokers, { logger, holdMs: 0, ...options }));
  return { relay, warnings: logger.warnings };
}

function dial({ port }: BootstrapRelay, { allowHalfOpen = false } = {}): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen }).on('error', () => {});
  use({ [Symbol.asyncDispose]: async () => void socket.destroy() });
  return socket;
}

async function broker(onConnection: (socket: Socket) => void): Promise<Endpoint> {
  return use(await serve(onConnection));
}

/** A broker that says its name to whoever asks, and ends when the client does. */
function named(name: string): Promise<Endpoint> {
  return broker((socket) => {
    socket.on('data', (asked) => socket.write(`${name}:${asked}`)).on('end', () => socket.end());
  });
}

async function fake(options?: FakeBrokerOptions): Promise<FakeBroker> {
  return use(await FakeBroker.start(options));
}

/** Answers whoever asks. */
const says =
  (answer: string) =>
  (socket: Socket): void =>
    void socket.once('data', () => socket.end(answer));

/** What a new connection is answered. @throws the socket's error, or an Error when it is ended without an answer */
async function ask(relay: BootstrapRelay): Promise<string> {
  const socket = dial(relay);
  socket.write('who?');
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(String(data)));
    socket.once('close', () => reject(socket.errored ?? new Error('ended without an answer')));
  });
  return answer.finally(() => socket.destroy());
}

/** The code of the error that the connection ends by; undefined for a decent end. */
async function endOf(socket: Socket): Promise<string | undefined> {
  if (!socket.closed) await new Promise((resolve) => socket.resume().once('close', resolve));
  return (socket.errored as NodeJS.ErrnoException | null)?.code;
}

describe('each connection goes to a broker', () => {
  test('of the list as it is then', async () => {
    const list = new SetList([await named('old')]);
    const { relay } = await relayTo(list);
    expect(relay.address).toBe(`127.0.0.1:${relay.port}`);
    expect(await ask(relay)).toBe('old:who?');
    list.set(await named('new'));
    expect(await ask(relay)).toBe('new:who?');
    await until(() => relay.stats.open === 0);
    expect(relay.stats).toEqual({ accepted: 2, open: 0, forwarded: 2, failedDials: 0, refused: 0 });
  });

  test('of all of them', async () => {
    const { relay } = await relayTo(new SetList([await named('a'), await named('b')]));
    const answers = new Set<string>();
    while (answers.size < 2) answers.add(await ask(relay));
    expect([...answers].sort()).toEqual(['a:who?', 'b:who?']);
  });

  test('K16 as soon as there is a list, with all that the client said meanwhile', async () => {
    const list = new SetList();
    const { relay, warnings } = await relayTo(list);
    const answer = ask(relay);
    await until(() => relay.stats.open === 1);
    list.set(await named('first'));
    expect(await answer).toBe('first:who?');
    expect(warnings).toEqual([]);
  });

  test('K16 but a client that sends 64 KiB before there is a broker is reset: no Kafka client does that', async () => {
    const list = new SetList();
    const { relay, warnings } = await relayTo(list);
    const client = dial(relay, { allowHalfOpen: true });
    client.write(Buffer.alloc(64 * 1024));
    await until(() => relay.stats.open === 1);
    client.write('x');
    expect(await endOf(client)).toBe('ECONNRESET');
    expect(warnings).toEqual([
      'A client of the relay is reset: it sent more than 65536 bytes before there was a broker for it.',
    ]);
    await until(() => relay.stats.open === 0);
  });

  test('K16 but not one that has gone meanwhile, nor one that only ended its half', async () => {
    const list = new SetList();
    const { relay, warnings } = await relayTo(list);
    const clients = [dial(relay), dial(relay), dial(relay)] as const;
    await until(() => relay.stats.open === 3);
    clients[0].resetAndDestroy();
    clients[1].destroy();
    clients[2].end('who?');
    await until(() => relay.stats.open === 0);
    expect([relay.stats.forwarded, warnings]).toEqual([0, []]);
  });

  test('but never to the relay itself, by whatever name it is registered', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const list = new SetList();
      const { relay, warnings } = await relayTo(list);
      list.set({ host, port: relay.port });
      expect(await endOf(dial(relay))).toBe('ECONNRESET');
      await until(() => relay.stats.open === 0);
      // By a name that only DNS knows to lead here, it takes a connection to find out.
      expect(relay.stats.accepted).toBeLessThanOrEqual(host === 'localhost' ? 3 : 1);
      expect(warnings[0]).toContain(`names ${host}:${relay.port} as a broker, but the relay itself listens there`);
      list.set({ host, port: relay.port }, await named('good'));
      for (let again = 0; again < 5; again++) expect(await ask(relay)).toBe('good:who?');
      await relay.close();
    }
  });

  test('nor to itself at another address of this host', async () => {
    const list = new SetList();
    const { relay } = await relayTo(list, { host: '0.0.0.0' });
    list.set({ host: '127.0.0.2', port: relay.port });
    expect(await endOf(dial(relay))).toBe('ECONNRESET');
    await until(() => relay.stats.open === 0);
    expect(relay.stats.accepted).toBe(1);
  });

  test.each([
    ['127.0.0.1', '::ffff:7f00:1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '::ffff:7f00:1'],
    ['::', '::ffff:7f00:1'],
    ['0.0.0.0', '::ffff:7f00:1'],
  ])('nor to itself where it listens on %s and is registered as %s', async (host, registered) => {
    const list = new SetList();
    const { relay } = await relayTo(list, { host });
    list.set({ host: registered, port: relay.port });
    expect(await endOf(dial(relay))).toBe('ECONNRESET');
    await until(() => relay.stats.open === 0);
    expect(relay.stats).toMatchObject({ accepted: 1, forwarded: 0 });
  });

  test('and is reset when the list is closed', async () => {
    const list = new SetList();
    const { relay, warnings } = await relayTo(list);
    const client = dial(relay);
    list.fail(new WatchError('CLOSED', 'The broker list is closed.'));
    expect(await endOf(client)).toBe('ECONNRESET');
    expect(warnings).toEqual(['A client of the relay is reset: The broker list is closed.']);
  });
});

describe('while no broker can be connected to', () => {
  test('a client waits, and gets the first that can be', async () => {
    const list = new SetList([await deadEndpoint()]);
    const { relay } = await relayTo(list, { holdMs: 20_000 });
    const answer = ask(relay);
    await until(() => relay.stats.failedDials >= 2);
    expect(relay.stats).toMatchObject({ open: 1, forwarded: 0 });
    list.set(await named('back'));
    expect(await answer).toBe('back:who?');
  });

  test('a client that goes is not waited for, and one that waits too long is reset', async () => {
    const { relay, warnings } = await relayTo(new SetList([await deadEndpoint()]), { holdMs: 400 });
    const gone = dial(relay);
    await until(() => relay.stats.failedDials === 1);
    gone.resetAndDestroy();
    await until(() => relay.stats.open === 0);
    expect(await endOf(dial(relay))).toBe('ECONNRESET');
    expect(warnings).toContain('A client of the relay is reset: No broker of the list can be connected to.');
  });
});

describe('the next broker', () => {
  test('when one refuses; that one is then tried last', async () => {
    const dead = await deadEndpoint();
    const { relay, warnings } = await relayTo(new SetList([dead, await named('good')]));
    while (relay.stats.failedDials === 0) expect(await ask(relay)).toBe('good:who?');
    for (let again = 0; again < 20; again++) expect(await ask(relay)).toBe('good:who?');
    expect(relay.stats.failedDials).toBe(1);
    expect(warnings).toEqual([expect.stringContaining(`${formatEndpoint(dead)}: nothing listens there`)]);
  });

  test('K13 when one is a black hole, at the deadline', async () => {
    const hole = use(await blackHole());
    const { relay } = await relayTo(new SetList([hole, await named('good')]), { dialTimeoutMs: 50 });
    while (relay.stats.failedDials === 0) expect(await ask(relay)).toBe('good:who?');
  });

  test('K13 when a client is less patient than the deadline: it does not meet the black hole again', async () => {
    const hole = use(await blackHole());
    const list = new SetList([hole]);
    const { relay } = await relayTo(list, { dialTimeoutMs: 60_000 });
    const client = dial(relay);
    await until(() => relay.stats.open === 1);
    client.destroy();
    await until(() => relay.stats.open === 0);
    list.set(hole, await named('good'));
    for (let again = 0; again < 20; again++) expect(await ask(relay)).toBe('good:who?');
    expect(relay.stats.failedDials).toBe(0);
  });

  test('when one hangs, which still takes connections: a client that gave up does not meet it again', async () => {
    const hung = await broker(() => {});
    const list = new SetList([hung]);
    const { relay, warnings } = await relayTo(list);
    const client = dial(relay);
    client.write('who?');
    await until(() => relay.stats.forwarded === 1);
    client.resetAndDestroy();
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([
      expect.stringContaining(`${formatEndpoint(hung)} took a connection and answered nothing`),
    ]);
    list.set(hung, await named('good'));
    for (let again = 0; again < 20; again++) expect(await ask(relay)).toBe('good:who?');
  });

  test('K10 K11 when one is of another cluster, which gets not a byte beyond the questions', async () => {
    const other = await fake({ clusterId: 'other' });
    const right = await fake({ clusterId: 'orders', serve: says('orders') });
    const list = new SetList([other.endpoint, right.endpoint], createGate({ clusterId: 'orders' }));
    const { relay, warnings } = await relayTo(list);
    while (relay.stats.failedDials === 0) expect(await ask(relay)).toBe('orders');
    expect([other.received, other.asked]).toEqual([0, [[18, 3]]]);
    expect(warnings).toEqual([expect.stringContaining('is of the cluster "other", not of "orders"')]);
  });

  test('K12 when one is outside the allow-list, or would send clients there', async () => {
    const rogue = await fake();
    const advertising = await fake({ advertised: [rogue.endpoint] });
    const good = await fake({ serve: says('good') });
    const allow = [advertising, good].map(({ address }) => address);
    const list = new SetList([rogue.endpoint, advertising.endpoint, good.endpoint], createGate({ allow }));
    const { relay } = await relayTo(list);
    while (relay.stats.failedDials < 2) expect(await ask(relay)).toBe('good');
    expect([rogue.connections, advertising.received]).toEqual([0, 0]);
  });

  test('of a list that changed while the last one was dialled', async () => {
    const hole = use(await blackHole());
    const list = new SetList([hole]);
    const { relay } = await relayTo(list, { dialTimeoutMs: 100 });
    const answer = ask(relay);
    await until(() => relay.stats.open === 1);
    list.set(await named('new'));
    expect(await answer).toBe('new:who?');
  });
});

test('with no broker left the client is reset, and the reasons are told once', async () => {
  const dead = await deadEndpoint();
  const { relay, warnings } = await relayTo(new SetList([dead]));
  for (let at = 0; at < 3; at++) expect(await endOf(dial(relay))).toBe('ECONNRESET');
  expect(relay.stats).toMatchObject({ accepted: 3, forwarded: 0, failedDials: 3 });
  expect(warnings).toEqual([
    `Cannot connect to the broker at ${formatEndpoint(dead)}: nothing listens there; is Kafka running, is the port right? (ECONNREFUSED).`,
    'A client of the relay is reset: No broker of the list can be connected to.',
  ]);
});

describe('the two connections are as one', () => {
  test('the end of one half leaves the other open, either way', async () => {
    let ended = false;
    const endpoint = await broker((socket) => {
      let asked = '';
      socket.on('data', (data) => {
        asked += data;
      });
      socket.on('end', () => socket.end(`answer to ${asked}`));
    });
    const goodbye = await broker((socket) => {
      socket.end('goodbye');
      socket.on('end', () => {
        ended = true;
      });
      socket.resume();
    });
    const list = new SetList([endpoint]);
    const { relay } = await relayTo(list);
    const client = dial(relay, { allowHalfOpen: true });
    client.write('half ');
    await until(() => relay.stats.forwarded === 1);
    client.end('a question');
    expect(await text(client)).toBe('answer to half a question');

    list.set(goodbye);
    const other = dial(relay, { allowHalfOpen: true });
    let heard = '';
    other.on('data', (data) => {
      heard += data;
    });
    await once(other, 'end');
    expect(heard).toBe('goodbye');
    expect([ended, relay.stats.open]).toEqual([false, 1]);
    other.end();
    await until(() => ended && relay.stats.open === 0);
  });

  test('a reset of one resets the other, either way', async () => {
    const ends: (string | undefined)[] = [];
    const sockets: Socket[] = [];
    const endpoint = await broker((socket) => {
      sockets.push(socket);
      void endOf(socket).then((code) => ends.push(code));
    });
    const { relay } = await relayTo(new SetList([endpoint]));
    const first = dial(relay);
    await until(() => sockets.length === 1);
    first.resetAndDestroy();
    await until(() => ends.length === 1);
    const second = dial(relay);
    await until(() => sockets.length === 2);
    sockets[1]?.resetAndDestroy();
    expect([...ends, await endOf(second)]).toEqual(['ECONNRESET', 'ECONNRESET']);
    await until(() => relay.stats.open === 0);
  });

  test('a reader that stalls makes its writer wait, in bounded memory, and gets every byte', async () => {
    const size = 64 * 1024 * 1024;
    const block = Buffer.alloc(64 * 1024, 'x');
    let offered = 0;
    const endpoint = await broker((socket) => {
      const blocks = Readable.from(
        (function* () {
          for (; offered < size; offered += block.length) yield block;
        })(),
        { highWaterMark: 1 },
      );
      blocks.pipe(socket);
    });
    const { relay } = await relayTo(new SetList([endpoint]));
    const before = process.memoryUsage().arrayBuffers;
    const client = dial(relay);
    await once(client, 'readable');
    // The writer rests once all buffers on the way are full: two looks in a row see the same.
    for (let seen = -1; seen !== offered; ) {
      seen = offered;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(offered).toBeLessThan(size / 2);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    let received = 0;
    for await (const chunk of client as AsyncIterable<Buffer>) received += chunk.length;
    expect(received).toBe(size);
  });
});

test('connections beyond the limit are closed at once, until there is room again', async () => {
  const { relay, warnings } = await relayTo(new SetList([await named('a')]), { maxConnections: 2 });
  const clients = [dial(relay), dial(relay)];
  await until(() => relay.stats.forwarded === 2);
  await expect(ask(relay)).rejects.toThrow(/ended without an answer|ECONNRESET|EPIPE/);
  await expect(ask(relay)).rejects.toThrow();
  expect(relay.stats).toMatchObject({ accepted: 2, refused: 2 });
  expect(warnings).toEqual(['The relay has 2 connections (maxConnections): more are refused.']);
  clients[0]?.destroy();
  await until(() => relay.stats.open === 1);
  expect(await ask(relay)).toBe('a:who?');
});

describe('close', () => {
  test('resets waiting, dialling and forwarded connections, and leaves nothing', async () => {
    const handles = (): number => process.getActiveResourcesInfo().filter((name) => /TCP/.test(name)).length;
    const hole = use(await blackHole());
    const good = await named('good');
    const before = handles();
    const list = new SetList();
    const { relay } = await relayTo(list);
    const waiting = dial(relay);
    await until(() => relay.stats.open === 1);
    const other = await relayTo(new SetList([hole]));
    const dialling = dial(other.relay);
    await until(() => other.relay.stats.open === 1);
    const third = await relayTo(new SetList([good]));
    const forwarded = dial(third.relay);
    await until(() => third.relay.stats.forwarded === 1);
    const started = performance.now();
    const closing = [relay, other.relay, third.relay].flatMap((each) => [each.close(), each.close()]);
    await Promise.all(closing);
    expect(performance.now() - started).toBeLessThan(1000);
    for (const client of [waiting, dialling, forwarded]) expect(await endOf(client)).toBe('ECONNRESET');
    await until(() => handles() === before);
    await expect(ask(relay)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('listen', () => {
  test('names a port that is in use', async () => {
    const { relay } = await relayTo(new SetList());
    await expect(createRelay(new SetList(), { port: relay.port })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: `The relay cannot listen on ${relay.address}: another process has the port; give another one, or 0 for any that is free.`,
    });
  });

  test('on more than loopback is allowed, and told loudly', async () => {
    const { relay, warnings } = await relayTo(new SetList(), { host: '0.0.0.0' });
    expect(warnings).toEqual([expect.stringContaining(`listens on 0.0.0.0:${relay.port}: whoever reaches this host`)]);
    const loopback = await relayTo(new SetList(), { host: '::1' });
    expect([loopback.relay.address, loopback.warnings]).toEqual([`[::1]:${loopback.relay.port}`, []]);
  });

  test.each<RelayOptions>([{ host: '' }, { port: 65536 }, { port: 1.5 }, { dialTimeoutMs: 0 }, { maxConnections: 0 }])(
    'refuses %j, and names it',
    async (options) => {
      const [name] = Object.keys(options);
      await expect(createRelay(new SetList(), options)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(`"${name}"`),
      });
    },
  );
});
