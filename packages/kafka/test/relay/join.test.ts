import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { join } from '../../src/relay/join.js';

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

/** Time that passes when the test says so. */
class Clock {
  readonly #waiting = new Set<() => void>();

  schedule(_: number, run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** As long as anybody waits for. */
  pass(): void {
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const run of due) run();
  }
}

async function joined(early: readonly Buffer[] = []) {
  const [[client, near], [broker, far]] = [await pair(), await pair()];
  const clock = new Clock();
  join(client, broker, early, clock);
  return { client, near, broker, far, clock };
}

test('what was said early comes first', async () => {
  const { near, far } = await joined([Buffer.from('a'), Buffer.from('b')]);
  near.end('c');
  expect(await text(far)).toBe('abc');
});

test('a peer that says nothing more after the end of the other half is reset', async () => {
  const { client, near, broker, far, clock } = await joined();
  near.end('bye');
  far.resume();
  await once(far, 'end');
  expect(clock.waiting).toBe(1);
  clock.pass();
  await Promise.all([once(client, 'close'), once(broker, 'close')]);
  expect(clock.waiting).toBe(0);
});

test('one that goes on speaking is not, and nothing waits after its end', async () => {
  const { client, near, broker, far, clock } = await joined();
  near.end();
  far.resume();
  await once(far, 'end');
  for (let said = 0; said < 3; said++) {
    far.write('.');
    await once(near, 'data');
    clock.pass();
    expect(clock.waiting).toBe(1);
  }
  far.end();
  near.resume();
  await Promise.all([once(client, 'close'), once(broker, 'close')]);
  expect([near.errored, far.errored, clock.waiting]).toEqual([null, null, 0]);
});
