import { connect } from 'node:tls';

const PROBE_MS = 2_000;

/**
 * Whether a TLS server listens there. A server that got plain text just hangs up, as one does that is going down; only
 * the first is a mistake that nobody's waiting mends.
 * @param endpoint `host:port`
 */
export function speaksTls(endpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(`tls://${endpoint}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    // Nothing is sent over it: what matters is that the handshake answers.
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false, timeout: PROBE_MS });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('secureConnect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}
