import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from './folder.js';
import { Run, run } from './run.js';

const folder = temporaryFolder();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A broker that says who it is and hangs up. Its address. */
async function broker(name: string): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => {}).end(name)).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What is heard at an address; undefined when it is reset or nobody is there. */
async function heardAt(address: string): Promise<string | undefined> {
  const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1').on('error', () => {});
  let heard = '';
  socket.on('data', (data) => {
    heard += data;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return socket.errored ? undefined : heard;
}

const save = (...addresses: string[]): Promise<string> =>
  folder.write('a.yaml', addresses.map((address) => `b/${address}: ""\n`).join(''));

describe('relay', () => {
  it('prints where it listens, then each list, and forwards to the brokers of the newest', async () => {
    const [old, next] = [await broker('old'), await broker('new')];
    const file = await save(old);
    const relay = new Run(['relay', `file:${file}#b/`, '--listen', '127.0.0.1:0']);
    const [first, second] = await relay.until(({ type }) => type === 'brokers');
    const listen = String(first?.listen);
    expect(first).toEqual({ type: 'relay', listen: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/) });
    expect(second).toMatchObject({ type: 'brokers', brokers: [old], revision: '1' });
    expect(await heardAt(listen)).toBe('old');
    await save(next);
    await relay.until(({ revision }) => revision === '2');
    expect(await heardAt(listen)).toBe('new');
    expect(await relay.end()).toBe(0);
    expect(await heardAt(listen)).toBeUndefined();
    expect(relay.errors).toBe('');
  });

  it('tells on standard error why a client cannot be served', async () => {
    const gone = await broker('gone');
    servers.pop()?.close();
    const file = await save(gone);
    const relay = new Run(['relay', `file:${file}#b/`, '--listen', '127.0.0.1:0']);
    const [first] = await relay.until(({ type }) => type === 'brokers');
    expect(await heardAt(String(first?.listen))).toBeUndefined();
    await relay.end();
    expect(relay.errors).toContain(`Cannot connect to the broker at ${gone}: nothing listens there`);
  });

  it('shows on a terminal where it listens, and the lists', async () => {
    const file = await save('10.0.0.1:9092');
    const relay = new Run(['relay', `file:${file}#b/`, '--listen', '127.0.0.1:0'], { tty: true });
    await relay.untilText(/1 broker/);
    expect(relay.plainLines).toEqual([
      expect.stringMatching(/^● relay on 127\.0\.0\.1:\d+$/),
      '1 broker  10.0.0.1:9092  revision 1',
    ]);
    await relay.end();
  });

  it('listens before there is a list; --timeout ends the wait for one', async () => {
    const file = await folder.write('a.yaml', '{}\n');
    const { code, json, errors } = await run([
      'relay',
      `file:${file}#b/`,
      '--listen',
      '127.0.0.1:0',
      '--timeout',
      '50ms',
    ]);
    expect([code, json.length]).toEqual([1, 1]);
    expect(errors).toContain('No state after 50 ms');
  });

  it('names a port that is in use', async () => {
    const taken = await broker('other');
    const { code, text, errors } = await run(['relay', `file:${await save(taken)}#b/`, '--listen', taken]);
    expect([code, text]).toEqual([2, '']);
    expect(errors).toContain(`The relay cannot listen on ${taken}: another process has the port`);
  });

  it.each(['9092', '127.0.0.1', '::1:9092', '127.0.0.1:65536', '[localhost]:9092', 'a b:1', '127.0.0.1:-1'])(
    'does not listen on %s',
    async (address) => {
      const { code, errors } = await run(['relay', `file:${await save()}#b/`, '--listen', address]);
      expect(code).toBe(2);
      expect(errors).toContain('It must be host:port');
    },
  );
});
