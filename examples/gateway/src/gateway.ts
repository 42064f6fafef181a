import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'rollcall';
import { Agent } from 'undici';
import { proxy, refuse, statusOf } from './proxy.js';
import type { Table } from './table.js';

/** An HTTP server that serves by the table of the moment. `maxBody`: of a request, bytes; 1 MiB by default. */
export async function createGateway(
  tables: { current(): Promise<Table | undefined> },
  { host, port, maxBody = 2 ** 20, logger }: { host: string; port: number; maxBody?: number; logger: Logger },
) {
  const connect = { timeout: 1_000 };
  const dispatcher = new Agent({ connections: 256, connect, headersTimeout: 30_000, bodyTimeout: 30_000 });
  // Two lengths, or a length beside chunks, are refused by Node's parser: 400, and nothing is forwarded.
  const limits = {
    maxHeaderSize: 16 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 60_000,
    insecureHTTPParser: false,
  };
  const server = createServer(limits, (request, response) => {
    answer(request, response).catch((error) => {
      const status = statusOf(error);
      if (status === 500) logger.error({ err: error }, 'A request could not be served.');
      if (response.headersSent) response.destroy();
      else refuse(response, status, status === 500 ? 'The gateway failed.' : error.message);
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const coding = headers['transfer-encoding'] ?? 'chunked';
    if (!url.startsWith('/') || coding.toLowerCase() !== 'chunked') return refuse(response, 400, 'Not understood.');
    // A pipelined request waits for its turn: until then nobody hears that its client has gone.
    if (response.socket === null) await once(response, 'socket');
    const table = await tables.current();
    if (table === undefined) return refuse(response, 503, 'The routes are not known yet.');
    const destination = table.find(method, url, headers.host ?? '');
    if (destination === undefined) return refuse(response, 404, 'There is no route.');
    return proxy(request, response, destination, { dispatcher, maxBody });
  }

  await once(server.listen({ host, port }), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** Serves the requests that are under way, for 5 s at most. */
    close: async (): Promise<void> => {
      const timer = setTimeout(() => server.closeAllConnections(), 5_000);
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(timer);
      await dispatcher.destroy();
    },
  };
}
