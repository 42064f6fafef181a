import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startProxy, type TcpProxy } from './proxy.js';

/** A server that answers each chunk with its name and the chunk. */
async function echo(name: string): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => socket.write(`${name}:${chunk}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function dial(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  // The proxy resets what is open when a test ends.
  socket.on('error', () => {});
  return socket;
}

async function say(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = await once(socket, 'data');
  return String(answer);
}

test('carries and counts', async () => {
  await using server = await echo('a');
  await using proxy = await startProxy(server);
  const socket = await dial(proxy);
  expect(await say(socket, 'hello')).toBe('a:hello');
  expect(proxy.bytes).toEqual({ toServer: 5, toClient: 7 });
  expect(proxy.connections).toEqual({ open: 1, total: 1 });
  socket.end();
  await once(socket, 'close');
  await expect.poll(() => proxy.connections).toEqual({ open: 0, total: 1 });
});

test('a cut resets connections and refuses new ones until it resumes on the same port', async () => {
  await using server = await echo('a');
  await using proxy = await startProxy(server);
  const socket = await dial(proxy);
  await say(socket, 'hello');
  const { port } = proxy;
  await Promise.all([expect(once(socket, 'data')).rejects.toThrow('ECONNRESET'), proxy.cut()]);
  await expect(dial(proxy)).rejects.toThrow('ECONNREFUSED');
  await proxy.resume();
  expect(proxy.port).toBe(port);
  expect(await say(await dial(proxy), 'again')).toBe('a:again');
});

test('a stall carries nothing and ends nothing; what waited arrives after it', async () => {
  await using server = await echo('a');
  await using proxy = await startProxy(server);
  const before = await dial(proxy);
  await say(before, 'hello');
  const { bytes } = proxy;
  proxy.stall();
  const answers = [say(before, 'one')];
  const during = await dial(proxy);
  answers.push(say(during, 'two'));
  await expect.poll(() => proxy.connections.total).toBe(2);
  // The connection made last shows that the proxy had its chance to read what was sent before.
  expect(proxy.bytes).toEqual(bytes);
  await proxy.resume();
  expect(await Promise.all(answers)).toEqual(['a:one', 'a:two']);
});

test('a retargeted proxy sends new connections elsewhere and keeps the old', async () => {
  await using a = await echo('a');
  await using b = await echo('b');
  await using proxy = await startProxy(a);
  const old = await dial(proxy);
  expect(await say(old, '1')).toBe('a:1');
  proxy.retarget(b);
  expect(await say(await dial(proxy), '2')).toBe('b:2');
  expect(await say(old, '3')).toBe('a:3');
});

test('a dead target is a reset for the client, and drop() resets while accepting', async () => {
  await using server = await echo('a');
  await using proxy = await startProxy(server);
  const socket = await dial(proxy);
  await say(socket, 'hello');
  const reset = expect(once(socket, 'data')).rejects.toThrow('ECONNRESET');
  proxy.drop();
  await reset;
  await server[Symbol.asyncDispose]();
  const late = connect(proxy.port, '127.0.0.1');
  await expect(once(late, 'data')).rejects.toThrow('ECONNRESET');
});

test('a swallowed answer goes nowhere, though the server was asked', async () => {
  await using server = await echo('a');
  await using proxy = await startProxy(server);
  const socket = await dial(proxy);
  await say(socket, 'hello');
  const { bytes } = proxy;
  const swallowed = proxy.swallow();
  socket.write('lost');
  await swallowed;
  expect(proxy.bytes).toEqual({ ...bytes, toServer: bytes.toServer + 4 });
  await proxy.resume();
  expect(await say(socket, 'again')).toBe('a:again');
});
