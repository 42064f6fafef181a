import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LateSocket } from '../../src/clients/lateSocket.js';

let server: Server;
let accepted: Promise<Socket>;

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await once(server, 'close');
});

async function dial(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

test('what is written before it is connected goes out when it is, and nothing that was said before is seen', async () => {
  let open = (): void => {};
  const asked = new Promise<void>((resolve) => {
    open = resolve;
  });
  const late = new LateSocket(async () => {
    const socket = await dial();
    socket.write('who?');
    const peer = await accepted;
    await once(peer, 'data');
    peer.write('me');
    await once(socket, 'data');
    socket.removeAllListeners('data').pause();
    await asked;
    return socket;
  });
  late.write('hello');
  late.end();
  open();
  await once(late, 'connect');
  const peer = await accepted;
  // Iterating would destroy the peer at the end of what it reads.
  const [hello] = await once(peer, 'data');
  expect(String(hello)).toBe('hello');
  await once(peer, 'end');
  peer.end('world');
  expect(await text(late)).toBe('world');
});

test('an error of the dial is its own', async () => {
  const late = new LateSocket(() => Promise.reject(new Error('refused')));
  await expect(once(late, 'connect')).rejects.toThrow('refused');
  expect(late.destroyed).toBe(true);
});

test('destroyed while it is dialled: the dial is given up', async () => {
  let given: AbortSignal | undefined;
  const late = new LateSocket(
    (signal) =>
      new Promise((_, reject) => {
        given = signal;
        signal.addEventListener('abort', () => reject(new Error('given up')));
      }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  late.destroy();
  await once(late, 'close');
  expect(given?.aborted).toBe(true);
});

test('ended while it is dialled, with nothing to say: the dial is given up, and nobody is told of a connection', async () => {
  const late = new LateSocket(async (signal) => {
    const socket = await dial();
    if (!signal.aborted) await once(signal, 'abort');
    return socket;
  });
  const events: string[] = [];
  for (const event of ['connect', 'error', 'end']) late.on(event, () => events.push(event));
  const peer = await accepted;
  late.end();
  late.end();
  await once(late, 'close');
  await once(peer.resume(), 'end');
  peer.destroy();
  expect(events).toEqual([]);
});

test('a reset is an error of both', async () => {
  const late = new LateSocket(dial);
  await once(late.resume(), 'connect');
  (await accepted).resetAndDestroy();
  await expect(once(late, 'close')).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a reader that does not read holds the sender back', async () => {
  const late = new LateSocket(dial);
  await once(late, 'connect');
  const peer = await accepted;
  const chunk = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 32; i++) peer.write(chunk);
  peer.end();
  late.once('readable', () => {});
  await expect.poll(() => peer.writableLength).toBeGreaterThan(0);
  expect(late.readableLength).toBeLessThan(1024 * 1024);
  let read = 0;
  for await (const part of late) read += (part as Buffer).length;
  expect(read).toBe(32 * chunk.length);
});
