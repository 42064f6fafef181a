import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { BlackHole } from './black-hole.js';
import { freePort } from './ports.js';

test('a black hole answers no connection, and its port is free afterwards', async () => {
  const port = await freePort();
  {
    await using _ = await BlackHole.open([port]);
    const socket = connect({ host: '127.0.0.1', port, timeout: 500 });
    await expect(Promise.race([once(socket, 'connect'), once(socket, 'timeout').then(() => 'silence')])).resolves.toBe(
      'silence',
    );
    socket.destroy();
  }
  const refused = connect({ host: '127.0.0.1', port });
  await expect(once(refused, 'connect')).rejects.toThrow('ECONNREFUSED');
});
