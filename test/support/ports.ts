import { createServer } from 'node:net';

/**
 * Ports for servers, below every usual ephemeral range (Linux 32768 and up, macOS and IANA 49152 and up). While a
 * server is down, no outgoing connection may take its port. In particular, a client that dials the dead port must not
 * get that very port as its own, because TCP would connect it to itself.
 */
const FIRST = 20_000;
const LAST = 31_999;
/** How often a start is tried again if another process took one of its ports. */
const ATTEMPTS = 5;

const given = new Set<number>();

/** A server could not listen: another process has its port. */
export class PortInUseError extends Error {
  override name = 'PortInUseError';
}

/** A port of 127.0.0.1 that nobody listens on and that this process was not given before. */
export async function freePort(): Promise<number> {
  while (true) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (given.has(port)) continue;
    given.add(port);
    if (await canListen(port)) return port;
  }
}

/**
 * Starts something on `count` free ports. Between the choice of a port and its use another process can take it; then
 * `start` throws a PortInUseError and is called with other ports.
 */
export async function onFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports: number[] = [];
    while (ports.length < count) ports.push(await freePort());
    try {
      return await start(ports);
    } catch (error) {
      if (!(error instanceof PortInUseError) || attempt === ATTEMPTS) throw error;
    }
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
