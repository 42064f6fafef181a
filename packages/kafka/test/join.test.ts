import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { join } from '../src/join.js';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Both ends of a connection. */
async function pair(): Promise<readonly [near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const far = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  sockets.push(near, far);
  return [near.on('error', () => {}), far.on('error', () => {})];
}

test('what was said early comes first', async () => {
  const [[client, speaker], [broker, listener]] = [await pair(), await pair()];
  join(client, broker, [Buffer.from('a'), Buffer.from('b')]);
  speaker.write('c');
  let heard = '';
  listener.on('data', (data) => {
    heard += data;
    if (heard.length === 3) listener.emit('whole');
  });
  await once(listener, 'whole');
  expect(heard).toBe('abc');
});

test('a peer that hangs after the end of the other half is reset in time', async () => {
  const [[client, speaker], [broker, hung]] = [await pair(), await pair()];
  join(client, broker, [], 50);
  speaker.end('bye');
  await once(hung, 'data');
  await Promise.all([once(client, 'close'), once(broker, 'close')]);
  expect([client.destroyed, broker.destroyed]).toEqual([true, true]);
});

test('a half that goes on speaking after the end of the other is left alone', async () => {
  const [[client, speaker], [broker, other]] = [await pair(), await pair()];
  join(client, broker, [], 100);
  speaker.end();
  other.resume();
  await once(other, 'end');
  // Ten times the half of what is too long.
  for (let said = 0; said < 10; said++) {
    other.write('.');
    await once(speaker, 'data');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  other.end();
  speaker.resume();
  await Promise.all([once(client, 'close'), once(broker, 'close')]);
  expect([speaker.errored, other.errored]).toEqual([null, null]);
});
