import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

type OnSocket = (socket: Socket) => void;

/**
 * grpc-js makes its sockets by itself and hands them out only when they are connected. An address that swallows packets
 * would then hold a socket, and the process, for two minutes after `close()`. Node tells of each socket that is made,
 * and an asynchronous context tells for whom.
 */
const dialling = new AsyncLocalStorage<OnSocket>();

subscribe('net.client.socket', (message) => {
  dialling.getStore()?.((message as { socket: Socket }).socket);
});

/** Runs what may open a connection; each socket that it makes, also later, is told before it connects. */
export function tellingSockets<T>(onSocket: OnSocket, run: () => T): T {
  return dialling.run(onSocket, run);
}
