import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './folder.js';
import { Run, run } from './run.js';

/** A tool of every POSIX system. */
const PIPE_MAKER = 'mkfifo';

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

describe('a watch that begins with nothing', () => {
  it.each([
    ['brokers', 'broker/kafka', 'broker/kafka/'],
    ['tail', '/broker/kafka/', 'broker/kafka/'],
    ['tail', '/broker/kafka', 'broker/kafka/'],
    ['tail', 'leader/', 'leader'],
    ['tail', 'apisix/', '/apisix/'],
  ])('%s %s names the keys that a / more or less would show', async (command, path, near) => {
    const keys = { 'broker/kafka/b1:9092': '', 'broker/kafka/b2:9092': '', 'broker/kafka/b3:9092': '', leader: 'b1' };
    const file = await folder.write('near.json', JSON.stringify({ ...keys, '/apisix/a': '' }));
    const watch = new Run([command, `file:${file}#${path}`]);
    expect(await watch.untilErrors(/Nothing is at/)).toContain(`write \\"${near}\\".`);
    expect(await watch.end()).toBe(0);
  });

  it('and says nothing where these have no keys either', async () => {
    const file = await folder.write('near.json', JSON.stringify({ other: '' }));
    const watch = new Run(['tail', '--json', `file:${file}#broker/`]);
    await watch.until(({ type }) => type === 'synced');
    await watch.end();
    expect(watch.errors).not.toContain('Nothing is at');
  });
});

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
      {
        type: 'brokers',
        brokers: ['10.0.0.1:9092', '10.0.0.2:9092'],
        change: 'first',
        added: ['10.0.0.1:9092', '10.0.0.2:9092'],
        removed: [],
        revision: '1',
      },
      {
        type: 'brokers',
        brokers: ['10.0.0.1:9092', '10.0.0.2:9092', '10.0.0.3:9092'],
        change: 'seeds',
        added: ['10.0.0.3:9092'],
        removed: [],
        revision: '2',
      },
    ]);
    expect(await list.end()).toBe(0);
  });

  it('prints one plain line with --once, or one JSON line', async () => {
    const file = await folder.write('a.yaml', KEYS);
    expect((await run(['brokers', '--once', `file:${file}#b/`])).text).toBe('10.0.0.1:9092,10.0.0.2:9092\n');
    expect((await run(['brokers', '--once', '--json', `file:${file}#b/`])).json).toEqual([
      expect.objectContaining({ type: 'brokers', brokers: ['10.0.0.1:9092', '10.0.0.2:9092'], revision: '1' }),
    ]);
  });

  it('--once gives up with exit code 1, and prints nothing, while there is no broker', async () => {
    const file = await folder.write('a.yaml', '{}\n');
    const { code, text } = await run(['brokers', '--once', '--timeout', '100ms', `file:${file}#b/`]);
    expect([code, text]).toEqual([1, '']);
  });

  it.each([
    ['no / at the end', 'b: {}\n', 'b', /there is no key .*one exact key|a path that does not end in \/ means/],
    ['a / in front', KEYS, '/b/', /there is no key under "\/b\/"; is it "b\/", without the \/ in front\?/],
    ['keys that are nested', 'b:\n  "10.0.0.1:9092": ""\n', 'b/', /there is no key under "b\/"/],
    ['a value that is none', 'b/1: junk!\n', 'b/', /the key "b\/1" is rejected: "junk!" is not a host name/],
  ])('says why there is no broker: %s', async (_, content, place, why) => {
    const file = await folder.write('a.yaml', content);
    const url = `file:${file}#${place}`;
    const once = await run(['brokers', '--once', '--timeout', '300ms', url]);
    const explained = await run(['brokers', '--explain', url], { tty: true });
    expect([once.code, explained.code]).toEqual([1, 1]);
    if (place !== 'b') expect(once.errors).toMatch(why);
    expect(stripVTControlCharacters(explained.text)).toMatch(place === 'b' ? /rejected/ : why);
  });

  it('speaks of flags and variables, not of options of the library', async () => {
    const file = await folder.write('a.yaml', KEYS);
    const url = `file:${file}#b/`;
    const wrong = await run(['brokers', '--once', '--allow', '10.0.0.0/99', url]);
    expect([wrong.code, wrong.errors]).toEqual([
      2,
      expect.stringContaining('error: --allow, "10.0.0.0/99", is no host'),
    ]);
    const env = { ROLLCALL_KAFKA_USERNAME: 'u', ROLLCALL_KAFKA_PASSWORD: 'S3cret' };
    const plain = await run(['brokers', '--once', '--probe', url], { env });
    expect(plain.errors).toContain('error: ROLLCALL_KAFKA_MECHANISM plain gives the password to every broker');
    expect(plain.errors).toContain('say by --allow which hosts');
    const none = await run(['brokers', '--once', '--timeout', '200ms', `file:${file}#none/`]);
    const error = none.errors.split('\n').find((line) => line.startsWith('error:')) ?? '';
    expect(error).toContain('--explain tells');
    expect(error).not.toContain('explain()');
  });

  it.each(['SIGINT', 'SIGTERM'])('a question that %s ends before its answer has no exit code 0', async (signal) => {
    const file = await folder.write('a.yaml', '{}\n');
    for (const how of ['--once', '--explain']) {
      const argv = how === '--once' ? ['--once', `file:${file}#b/`] : ['--explain', 'etcd://127.0.0.1:1/b/'];
      const question = new Run(['brokers', ...argv]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(await question.end(signal)).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(question.text).toBe('');
    }
  });

  it('tells on a pipe when it is stale and live again', async () => {
    const file = await folder.write('a.yaml', KEYS);
    const list = new Run(['brokers', `file:${file}#b/`]);
    await list.until(({ type }) => type === 'brokers');
    await folder.write('a.yaml', '{}\n');
    await list.until(({ type, state, code }) => type === 'status' && state === 'stale' && code === 'TOO_FEW_BROKERS');
    await folder.write('a.yaml', KEYS);
    const lines = await list.until(({ type, state }) => type === 'status' && state === 'live');
    expect(lines.map(({ type }) => type)).toEqual(['brokers', 'status', 'status']);
    expect(await list.end()).toBe(0);
  });

  it('tells what it connects to when nothing comes for a second', async () => {
    for (const tty of [false, true]) {
      const list = new Run(['brokers', '--log-level', 'silent', 'etcd://127.0.0.1:1/b/'], { tty });
      if (tty) await list.untilText(/connecting to etcd:\/\/127\.0\.0\.1:1\/b\/…/);
      else expect(await list.until(({ type }) => type === 'status')).toMatchObject([{ state: 'connecting' }]);
      expect(await list.end()).toBe(0);
    }
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
      '2 brokers  +10.0.0.3:9092 -10.0.0.1:9092  revision 2',
      '! stale UNREADABLE the last good state stays',
    ]);
    await list.end();
  });
});

describe('delete --recursive', () => {
  it('deletes nothing that a URL selects by a query', async () => {
    const { code, errors } = await run(['delete', '--recursive', 'consul://127.0.0.1:1/?service=kafka']);
    expect(code).toBe(2);
    expect(errors).toContain('selects services');
  });
});

describe('version, help and completion', () => {
  it('are commands, too', async () => {
    expect((await run(['version'])).text).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run(['help', 'tail'])).text).toContain('Usage: rollcall tail');
    expect((await run(['help'])).text).toContain('Usage: rollcall');
    expect((await run(['completion', 'tcsh'])).code).toBe(2);
  });

  it.runIf(spawnSync('bash', ['-c', 'true']).status === 0)('bash completes commands and their options', async () => {
    const { text } = await run(['completion', 'bash']);
    const complete = (...words: string[]): string[] => {
      const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _rollcall; echo "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', `${text}\n${line}`], { encoding: 'utf8' })
        .stdout.trim()
        .split(' ');
    };
    expect(complete('rollcall', 'br')).toEqual(['brokers']);
    expect(complete('rollcall', 'tail', '--k')).toEqual(['--keys-only']);
    expect(complete('rollcall', 'mirror', '--max')).toEqual(['--max-delete']);
  });

  it('fish and zsh have a script of theirs', async () => {
    expect((await run(['completion', 'fish'])).text).toContain("-n '__fish_seen_subcommand_from tail' -l keys-only");
    expect((await run(['completion', 'zsh'])).text).toContain('bashcompinit');
  });
});

describe('a terminal', () => {
  it('that does not know its width shows values as one of 80 columns, and --no-truncate shows them whole', async () => {
    const value = 'x'.repeat(200);
    const file = await folder.write('a.yaml', `k: ${value}\n`);
    const url = `file:${file}`;
    expect((await run(['get', url], { tty: true, columns: 0 })).plainLines).toEqual([`k  ${'x'.repeat(79)}…`]);
    expect((await run(['get', '--no-truncate', url], { tty: true })).plainLines).toEqual([`k  ${value}`]);
  });

  it('gets no control, bidirectional, invisible or tag character from whatever is told', async () => {
    const evil = '\u001b[2J\u009b\u202e\u200b\u{e0041}\u0007\u3164\ufe00\n';
    const file = await folder.write(
      'a.json',
      JSON.stringify({ [`b/${evil}`]: evil, 'b/1': { host: evil }, 'b/2': '192.0.2.1' }),
    );
    const url = `file:${file}#b/`;
    const told = [
      await run(['get', url], { tty: true }),
      await run(['get', `${url}${encodeURIComponent(evil)}x`], { tty: true }),
      await run(['brokers', '--explain', url], { tty: true }),
      await run(['tail', '--count', '3', url], { tty: true }),
      await run([`--${evil}`], { tty: true }),
      await run(['get', `file:./${encodeURIComponent(evil)}`], { tty: true }),
    ];
    for (const { text, errors } of told) {
      const shown = stripVTControlCharacters(text) + stripVTControlCharacters(errors);
      expect(shown).not.toMatch(/(?![\n])[\p{Cc}\p{Cf}\p{DI}]/u);
      expect(text + errors).not.toContain('\u001b[2J');
    }
  });
});

describe('diff --exit-code and tail --count', () => {
  it('end as a script needs it', async () => {
    const a = await folder.write('a.yaml', 'k: "1"\n');
    const b = await folder.write('b.yaml', 'k: "2"\n');
    expect((await run(['diff', '--exit-code', `file:${a}`, `file:${b}`])).code).toBe(1);
    expect((await run(['diff', '--exit-code', `file:${a}`, `file:${a}`])).code).toBe(0);
    expect((await run(['diff', `file:${a}`, `file:${b}`])).code).toBe(0);
    const many = await folder.write('many.yaml', 'a: "1"\nb: "2"\nc: "3"\n');
    const { code, json } = await run(['tail', '--count', '2', `file:${many}`]);
    expect(code).toBe(0);
    expect(json.filter(({ type }) => type === 'put').map(({ key }) => key)).toEqual(['a', 'b']);
  });
});

describe('the configuration', () => {
  it('is checked and printed, secrets masked', async () => {
    const config = await folder.write(
      'rollcall.yaml',
      'watches:\n  o:\n    source: etcd://127.0.0.1:1/b/\n    username: app\n    password: S3cret\n    brokers: {limit: 3}\n',
    );
    const { code, json } = await run(['--config', config, 'config', 'check']);
    expect(code).toBe(0);
    expect(json).toEqual([
      {
        type: 'watch',
        name: 'o',
        source: 'etcd://127.0.0.1:1/b/',
        connect: { username: 'app', password: '***' },
        brokers: { limit: 3 },
      },
    ]);
    const shown = await run(['--config', config, 'config', 'check'], { tty: true });
    expect(shown.text).not.toContain('S3cret');
    expect(shown.plainLines.at(-1)).toBe('1 watch: all can be used.');
    const bad = await folder.write(
      'bad.yaml',
      'watches:\n  o:\n    source: file:./a\n    brokers: {allow: ["10.0.0.0/99"]}\n',
    );
    const { code: refused, errors } = await run(['--config', bad, 'config', 'check']);
    expect([refused, errors]).toEqual([
      2,
      expect.stringContaining(`${bad}:4: watches.o.brokers cannot be used: "allow[0]"`),
    ]);
  });

  it('gives the policy of a bootstrap list, and a flag counts before it', async () => {
    await folder.write('a.yaml', 'b/1: 192.0.2.1,192.0.2.2,198.51.100.1\n');
    const config = await folder.write(
      'rollcall.yaml',
      'watches:\n  o:\n    source: file:./a.yaml#b/\n    brokers: {allow: [192.0.2.0/24], limit: 1}\n',
    );
    const once = async (...flags: string[]): Promise<string> =>
      (await run(['--config', config, 'brokers', '--once', ...flags, 'o'])).text;
    expect(await once()).toBe('192.0.2.1:9092\n');
    expect(await once('--limit', '5')).toBe('192.0.2.1:9092,192.0.2.2:9092\n');
    expect(await once('--allow', '198.51.100.0/24')).toBe('198.51.100.1:9092\n');
  });

  it('shows no PEM text that was given in place of its path, and waits for no pipe', async () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nS3cret';
    const config = await folder.write(
      'rollcall.yaml',
      `watches:\n  o:\n    source: etcds://127.0.0.1:1/b/\n    key: ${JSON.stringify(pem)}\n`,
    );
    const told = [
      await run(['--config', config, 'config', 'check']),
      await run(['get', 'etcds://127.0.0.1:1/x'], { env: { ROLLCALL_KEY: pem } }),
      await run(['brokers', '--once', '--probe', 'memory:a'], { env: { ROLLCALL_KAFKA_CA: pem } }),
    ];
    for (const { code, errors } of told) {
      expect(code).toBe(2);
      expect(errors).toContain('give the path of a PEM file');
      expect(errors).not.toContain('S3cret');
    }
    const pipe = folder.path('ca.pipe');
    execFileSync(PIPE_MAKER, [pipe]);
    const { code, errors } = await run(['get', 'etcds://127.0.0.1:1/x'], { env: { ROLLCALL_CA: pipe } });
    expect([code, errors]).toEqual([2, expect.stringContaining('it is no regular file')]);
  });

  it('comes from a pipe, too, once; and one that never ends can be interrupted', async () => {
    await folder.write('a.yaml', 'k: v\n');
    const pipe = folder.path('config.pipe');
    execFileSync(PIPE_MAKER, [pipe]);
    const get = new Run(['--config', pipe, 'get', '--prefix', 'k', 'o']);
    await writeFile(pipe, `watches:\n  o:\n    source: file:${folder.path('a.yaml')}\n`);
    expect([await get.done, get.json]).toEqual([0, [expect.objectContaining({ key: 'k', value: 'v' })]]);
    const waiting = new Run(['--config', pipe, 'get', 'o']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await waiting.end()).toBe(130);
  });
});
