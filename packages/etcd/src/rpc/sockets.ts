import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

type OnSocket = (socket: Socket) => void;

/**
 * Finds the sockets of grpc-js. grpc-js makes sockets itself, and reveals them only when they are connected. A socket
 * to an address that swallows packets would keep the process running for two minutes after `close()`. Node reports each
 * new socket, and an asynchronous context shows which connection it belongs to.
 */
const dialling = new AsyncLocalStorage<OnSocket>();

subscribe('net.client.socket', (message) => {
  dialling.getStore()?.((message as { socket: Socket }).socket);
});

/** The callback of the present context. */
const listening = new Set<OnSocket>();

/** Runs a function that may open connections. Each of its sockets, also later ones, is reported before it connects. */
export function tellingSockets<T>(onSocket: OnSocket, run: () => T): T {
  listening.add(onSocket);
  return dialling.run(onSocket, run);
}

/** The connection is open, or has failed. An active asynchronous context makes Node 20 run hooks for every promise. */
export function stopTelling(onSocket: OnSocket): void {
  if (listening.delete(onSocket) && listening.size === 0) dialling.disable();
}

/** @param endpoint `host:port`; the brackets of an IPv6 host are removed. */
export function splitEndpoint(endpoint: string): { host: string; port: number } {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(colon + 1)) };
}
