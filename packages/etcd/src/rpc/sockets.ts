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

/** Who is to be told now. */
const listening = new Set<OnSocket>();

/** Runs what may open a connection; each socket that it makes, also later, is told before it connects. */
export function tellingSockets<T>(onSocket: OnSocket, run: () => T): T {
  listening.add(onSocket);
  return dialling.run(onSocket, run);
}

/** The connection stands, or will not. While an asynchronous context is on, Node 20 runs hooks for every promise. */
export function stopTelling(onSocket: OnSocket): void {
  if (listening.delete(onSocket) && listening.size === 0) dialling.disable();
}

/** @param endpoint `host:port`; an IPv6 host comes in brackets and leaves without. */
export function splitEndpoint(endpoint: string): { host: string; port: number } {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(colon + 1)) };
}
