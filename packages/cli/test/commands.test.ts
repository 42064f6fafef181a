import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './folder.js';
import { Run, run } from './run.js';

const folder = temporaryFolder();
/** Bytes that are not UTF-8. */
const BINARY = Uint8Array.of(0, 255, 254, 10);

/** A folder with one key, whose value is binary. */
async function binaryFolder(): Promise<string> {
  await mkdir(folder.path('keys'));
  await writeFile(folder.path('keys/blob'), BINARY);
  return folder.path('keys');
}

/** Accepts connections and never says a word. */
async function silentServer(): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('get', () => {
  it("prints an exact key's bytes as they are on a pipe", async () => {
    const { code, bytes } = await run(['get', `file:${await binaryFolder()}#blob`]);
    expect(code).toBe(0);
    expect(new Uint8Array(bytes)).toEqual(BINARY);
  });

  it('prints an exact key as JSON with --json, base64 where it is not text', async () => {
    const { json } = await run(['get', '--json', `file:${await binaryFolder()}#blob`]);
    expect(json).toEqual([{ type: 'entry', key: 'blob', valueBase64: 'AP/+Cg==', revision: '1' }]);
  });

  it('prints text, and no control characters, on a terminal', async () => {
    const file = await folder.write('a.json', JSON.stringify({ k: 'one\ntwo\x1b[2J' }));
    expect((await run(['get', `file:${file}#k`], { tty: true })).text).toBe('one\ntwo\\x1b[2J\n');
    expect((await run(['get', `file:${await binaryFolder()}#blob`], { tty: true })).text).toBe('(4 bytes, not text)\n');
  });

  it('prints all entries under a prefix', async () => {
    const file = await folder.write('a.yaml', 'a/1: one\na/2: two\nb: no\n');
    expect((await run(['get', `file:${file}#a/`])).json).toEqual([
      { type: 'entry', key: 'a/1', value: 'one', revision: '1' },
      { type: 'entry', key: 'a/2', value: 'two', revision: '1' },
    ]);
    expect((await run(['get', `file:${file}#a/`], { tty: true })).plainLines).toEqual(['a/1  one', 'a/2  two']);
  });

  it('ends with exit code 1 when the key is not there', async () => {
    const file = await folder.write('a.yaml', 'a: one\n');
    const { code, text, errors } = await run(['get', `file:${file}#b`]);
    expect([code, text, errors]).toEqual([1, '', 'error: There is no key "b".\n']);
  });

  it('ends with exit code 1 when the backend cannot answer', async () => {
    const { code, errors } = await run(['get', `file:${folder.path('none.yaml')}#b`]);
    expect(code).toBe(1);
    expect(errors).toContain('none.yaml');
  });

  it('gives up in time', async () => {
    await using silent = await silentServer();
    const { code, errors } = await run(['get', '--timeout', '100ms', `etcd://127.0.0.1:${silent.port}/key`]);
    expect(code).toBe(1);
    expect(errors).toContain(`error: No answer from etcd://127.0.0.1:${silent.port}/key within 0.1 s`);
  });
});

describe('put and delete', () => {
  it('write one exact key', async () => {
    const file = await folder.write('a.yaml', 'a: one # kept\n');
    const put = await run(['put', `file:${file}#b`, 'two']);
    expect(put.json).toEqual([{ type: 'put', key: 'b', revision: expect.any(String) }]);
    expect((await run(['get', `file:${file}#b`])).text).toBe('two');
    const gone = await run(['delete', `file:${file}#b`]);
    expect(gone.json).toEqual([{ type: 'deleted', key: 'b', count: 1 }]);
    expect((await run(['delete', `file:${file}#b`], { tty: true })).plainLines).toEqual(['0 keys deleted  b']);
    expect(await readFile(file, 'utf8')).toContain('a: one # kept');
  });

  it('take a value from standard input', async () => {
    const file = await folder.write('a.yaml', '{}\n');
    await run(['put', `file:${file}#k`, '-'], { stdin: 'piped\n' });
    expect((await run(['get', `file:${file}#k`])).text).toBe('piped\n');
  });

  it('delete all under a prefix with --recursive', async () => {
    const file = await folder.write('a.yaml', 'a/1: x\na/2: x\nab: x\n');
    const { json } = await run(['delete', '--recursive', `file:${file}#a/`]);
    expect(json).toEqual([{ type: 'deleted', prefix: 'a/', count: 2 }]);
    expect((await run(['get', `file:${file}`])).json.map(({ key }) => key)).toEqual(['ab']);
  });

  it('delete a whole store only when told in so many words', async () => {
    const file = await folder.write('a.yaml', 'a: x\n');
    const { code, errors } = await run(['delete', '--recursive', `file:${file}`]);
    expect(code).toBe(2);
    expect(errors).toContain('say --prefix ""');
    expect((await run(['delete', '--recursive', '--prefix', '', `file:${file}`])).json).toMatchObject([{ count: 1 }]);
  });
});

describe('brokers', () => {
  const KEYS = 'b/10.0.0.1:9092: ""\nb/10.0.0.2:9092: ""\n';

  it('prints the list and then each change', async () => {
    const file = await folder.write('a.yaml', KEYS);
    const list = new Run(['brokers', `file:${file}#b/`]);
    await list.until(({ type }) => type === 'brokers');
    await folder.write('a.yaml', `${KEYS}b/10.0.0.3:9092: ""\n`);
    const lines = await list.until(({ revision }) => revision === '2');
    expect(lines).toEqual([
      { type: 'brokers', brokers: ['10.0.0.1:9092', '10.0.0.2:9092'], revision: '1' },
      { type: 'brokers', brokers: ['10.0.0.1:9092', '10.0.0.2:9092', '10.0.0.3:9092'], revision: '2' },
    ]);
    expect(await list.end()).toBe(0);
  });

  it('prints one plain line with --once, or one JSON line', async () => {
    const file = await folder.write('a.yaml', KEYS);
    expect((await run(['brokers', '--once', `file:${file}#b/`])).text).toBe('10.0.0.1:9092,10.0.0.2:9092\n');
    expect((await run(['brokers', '--once', '--json', `file:${file}#b/`])).json).toEqual([
      { type: 'brokers', brokers: ['10.0.0.1:9092', '10.0.0.2:9092'], revision: '1' },
    ]);
  });

  it('--once gives up with exit code 1, and prints nothing, while there is no broker', async () => {
    const file = await folder.write('a.yaml', '{}\n');
    const { code, text } = await run(['brokers', '--once', '--timeout', '100ms', `file:${file}#b/`]);
    expect([code, text]).toEqual([1, '']);
  });

  it('shows on a terminal what came, what went and when it is stale', async () => {
    const file = await folder.write('a.yaml', KEYS);
    const list = new Run(['brokers', `file:${file}#b/`], { tty: true });
    await list.untilText(/2 brokers/);
    await folder.write('a.yaml', 'b/10.0.0.2:9092: ""\nb/10.0.0.3:9092: ""\n');
    await list.untilText(/-10\.0\.0\.1/);
    await folder.write('a.yaml', '');
    await list.untilText(/stale/);
    expect(list.plainLines).toEqual([
      '2 brokers  10.0.0.1:9092 10.0.0.2:9092  revision 1',
      '2 brokers  10.0.0.2:9092 +10.0.0.3:9092 -10.0.0.1:9092  revision 2',
      '! stale UNREADABLE the last good state stays',
    ]);
    await list.end();
  });
});
