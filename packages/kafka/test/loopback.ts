import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@rollcall/core';
import type { Endpoint } from '@rollcall/core/adapter';

/** A server on loopback that does this to each connection. */
export async function serve(onConnection: (socket: Socket) => void): Promise<Endpoint & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An address where nobody listens any more. */
export async function deadEndpoint(): Promise<Endpoint> {
  await using server = await serve(() => {});
  return { host: server.host, port: server.port };
}

const STOPPED = `require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, function () {
  process.stdout.write(String(this.address().port));
});`;

/**
 * An address whose packets are dropped: the system takes the backlog's connections for a process that is stopped, and
 * answers no more.
 */
export async function blackHole(): Promise<Endpoint & AsyncDisposable> {
  const child: ChildProcess = spawn(process.execPath, ['-e', STOPPED], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.kill('SIGSTOP');
  // Linux takes one more than the backlog.
  const taken = [connect(Number(port), '127.0.0.1'), connect(Number(port), '127.0.0.1')];
  await Promise.all(
    taken.map((socket) =>
      once(
        socket.on('error', () => {}),
        'connect',
      ),
    ),
  );
  return {
    host: '127.0.0.1',
    port: Number(port),
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      for (const socket of taken) socket.destroy();
    },
  };
}

/** Every warning, as one line. */
export function warningsLogger(): Logger & { readonly warnings: string[] } {
  const warnings: string[] = [];
  const quiet = (): void => {};
  const warn = (_: object, text: string): void => void warnings.push(text);
  return { warnings, debug: quiet, info: quiet, warn, error: warn };
}

/** Resolves once it is so; only the test's own limit ends the wait. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(2);
}
