import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProxyTarget, TcpProxy } from './proxy.js';

/** An HTTP server that answers every request with a page, as a load balancer without a route does. */
async function startWrongServer(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html').end('<html><body>404</body></html>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Moves the clients of a proxy to a wrong server. @returns a function that moves them back. */
export async function misled(proxy: TcpProxy, target: ProxyTarget): Promise<() => Promise<void>> {
  const wrong = await startWrongServer();
  proxy.retarget({ port: wrong.port });
  proxy.drop();
  return async () => {
    proxy.retarget(target);
    proxy.drop();
    await wrong[Symbol.asyncDispose]();
  };
}
