import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as secure, type TLSSocket } from 'node:tls';
import type { Endpoint } from '@rollcall/core/adapter';

/** Of both ends of what is forwarded: either may end its half, and a peer that is gone without a word is noticed. */
export const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

/**
 * A TCP connection, half-open allowed. A name with several addresses is node's own business (`autoSelectFamily`).
 * @throws node's error; the signal's reason.
 */
export async function dial({ host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connect({ host, port, ...SOCKET_OPTIONS });
  await opened(socket, 'connect', signal);
  return socket;
}

/**
 * TLS on a connection, whose server is verified by the name that it was dialled by unless the options say otherwise.
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
  // An address is no name to ask for (RFC 6066), though it is one to verify.
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
    // It stays: an error that comes between two listeners would end the process.
    socket.on('error', () => {});
    signal.addEventListener('abort', aborted, { once: true });
  });
}
