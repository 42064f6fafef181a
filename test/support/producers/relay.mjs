// @ts-check
import { connect, createServer } from 'node:net';

/**
 * A listener that forwards each connection to a broker of the present list.
 *
 * @param {import('@rollcall/kafka').BrokerList} brokers
 * @param {() => void} onConnection
 */
export async function startRelay(brokers, onConnection) {
  /** @param {readonly string[]} addresses @returns {Promise<import('node:net').Socket>} */
  const dial = ([address = '', ...others]) =>
    new Promise((resolve, reject) => {
      const at = address.lastIndexOf(':');
      const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), timeout: 2000 });
      const failed = (/** @type {Error} */ error) => (others.length > 0 ? resolve(dial(others)) : reject(error));
      socket.once('error', failed);
      socket.once('timeout', () => socket.destroy(new Error('timeout')));
      socket.once('connect', () => {
        socket.off('error', failed);
        socket.setTimeout(0);
        resolve(socket);
      });
    });
  const server = createServer({ pauseOnConnect: true, noDelay: true }, async (client) => {
    client.on('error', () => {});
    onConnection();
    try {
      const broker = await dial(brokers.current);
      broker.on('error', () => client.resetAndDestroy());
      client.on('close', () => broker.destroy());
      broker.on('close', () => client.destroy());
      client.pipe(broker).pipe(client);
      client.resume();
    } catch {
      client.resetAndDestroy();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { address: `127.0.0.1:${port}`, close: () => server.close() };
}
