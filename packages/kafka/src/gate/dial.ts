import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as secure, type TLSSocket } from 'node:tls';
import type { Endpoint } from '@rollcall/core/adapter';

/**
 * Options of both sockets of a forwarded connection: each side may half-close, and keepalive notices a peer that
 * vanished.
 */
export const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

/**
 * Opens a TCP connection that may be half-closed. Node tries the addresses of a name (`autoSelectFamily`).
 * @throws Node's error; the signal's reason.
 */
export async function dial({ host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connect({ host, port, ...SOCKET_OPTIONS });
  await opened(socket, 'connect', signal);
  return socket;
}

/**
 * Starts TLS on a connection. The server's certificate must be for the dialled name, unless the options say otherwise.
 * @throws node's error; the signal's reason. The connection is closed then.
 */
export async function handshake(
  socket: Socket,
  { host }: Endpoint,
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<TLSSocket> {
  if (signal.aborted) socket.destroy();
  signal.throwIfAborted();
  // The SNI field must not hold an IP address (RFC 6066). The certificate is verified for the address all the same.
  const secured = secure({ host, servername: isIP(host) ? '' : host, ...options, socket });
  await opened(secured, 'secureConnect', signal);
  return secured;
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      socket.off(event, done).off('error', fail);
      signal.removeEventListener('abort', aborted);
      settle();
    };
    const done = (): void => finish(resolve);
    const fail = (error: unknown): void => {
      socket.destroy();
      finish(() => reject(error));
    };
    const aborted = (): void => fail(signal.reason);
    socket.once(event, done).once('error', fail);
    // Stays on the socket: an error while no other listener is attached would end the process.
    socket.on('error', () => {});
    signal.addEventListener('abort', aborted, { once: true });
  });
}
