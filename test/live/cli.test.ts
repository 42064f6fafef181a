import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type JsonLine, Program } from '../support/cli.js';
import { freePort } from '../support/ports.js';
import { temporaryRoot } from '../support/reaper.js';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(temporaryRoot(), 'cli-'));
  file = join(folder, 'a.yaml');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** As an editor saves. */
async function save(text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

const synced = ({ type }: JsonLine): boolean => type === 'synced';

describe('the program', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('ends within 1 s of %s, with exit code 0', async (signal) => {
    await save('k: "1"\n');
    await using tail = Program.rollcall(['tail', `file:${file}`]);
    await tail.untilLine(synced);
    const { code, ms } = await tail.end(signal);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
  });

  test('ends as fast while it relays', async () => {
    await save('{}\n');
    await using relay = Program.rollcall(['relay', `file:${file}#b/`, '--listen', '127.0.0.1:0']);
    const [first] = await relay.untilLine(({ type }) => type === 'relay');
    const client = connect(Number(String(first?.listen).split(':')[1]), '127.0.0.1');
    const reset = new Promise((resolve) => client.once('error', resolve));
    await once(client, 'connect');
    const { code, ms } = await relay.end('SIGINT');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
    expect(await reset).toMatchObject({ code: 'ECONNRESET' });
  });

  test('ends as fast while nobody answers', async () => {
    await using tail = Program.rollcall(['tail', `etcd://127.0.0.1:${await freePort()}/a/`]);
    await tail.until(() => tail.stderr.includes('Trying again'));
    const { code, ms } = await tail.end('SIGINT');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
  });

  test('ends as fast while its pipe is full', async () => {
    // More than a pipe (64 KiB on Linux) and what is read ahead of it.
    await save(`big: "${'x'.repeat(1_000_000)}"\n`);
    await using tail = Program.rollcall(['tail', `file:${file}`]);
    await tail.until(() => tail.stdout.length > 0);
    tail.child.stdout.pause();
    const { code, ms } = await endUnread(tail);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
  });

  test('ends with exit code 0 when nobody reads it any more', async () => {
    await save('k: "1"\n');
    await using tail = Program.rollcall(['tail', `file:${file}`]);
    await tail.untilLine(synced);
    tail.child.stdout.destroy();
    await save('k: "2"\n');
    expect(await tail.ended).toEqual({ code: 0, signal: null });
    expect(tail.stderr).toBe('');
  });

  test('writes all of a large value to a slow pipe before it ends', async () => {
    await save(`big: "${'x'.repeat(3_000_000)}"\n`);
    await using get = Program.rollcall(['get', `file:${file}#big`]);
    expect(await get.ended).toEqual({ code: 0, signal: null });
    expect(get.stdout.length).toBe(3_000_000);
  });

  test('follows what an editor does', async () => {
    await save('a: "1"\n');
    await using tail = Program.rollcall(['tail', `file:${file}`]);
    await tail.untilLine(synced);
    await save('a: "2"\nb: "1"\n');
    const lines = await tail.untilLine(({ key }) => key === 'b');
    expect(lines.slice(2)).toEqual([
      { type: 'put', key: 'a', value: '2', previous: '1', revision: '2' },
      { type: 'put', key: 'b', value: '1', revision: '2' },
    ]);
  });

  test('keeps standard output for data and tells mistakes on standard error', async () => {
    await using tail = Program.rollcall(['tail', 'zookeeper://h/a/']);
    expect(await tail.ended).toEqual({ code: 2, signal: null });
    expect(tail.stdout).toBe('');
    expect(tail.stderr).toContain('Known schemes');
  });
});

describe('importing', () => {
  /** Prints the URL of each module that Node resolves. */
  const traced = `import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(\`
      export async function resolve(specifier, context, next) {
        const resolved = await next(specifier, context);
        process._rawDebug(resolved.url);
        return resolved;
      }\`));`;

  async function importing(code: string): Promise<Program> {
    const preload = `data:text/javascript,${encodeURIComponent(traced)}`;
    const program = Program.start(process.execPath, ['--import', preload, '--input-type=module', '-e', code]);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.stderr).toContain('packages/core/dist');
    return program;
  }

  test('the library loads no command line, no logger, no Kafka client and no gRPC', async () => {
    await using library = await importing(`const { createRollcall } = await import('rollcall');
      const rollcall = createRollcall();
      await rollcall.watch('memory:a').ready();
      await rollcall.close();`);
    // Files of Rollcall's own bear the names of the clients that they are for.
    const resolved = library.stderr.replaceAll(/packages\/kafka\/dist\/[\w/]+\.js/g, '');
    expect(resolved).not.toMatch(/packages\/cli|commander|pino|kafkajs|platformatic|rdkafka|fastify|grpc|etcd3/);
  });

  test('the command line runs nothing', async () => {
    await using cli = await importing(`const { main } = await import('@rollcall/cli'); console.log(typeof main);`);
    expect(cli.stdout).toBe('function\n');
  });
});

/** Its output stays unread, so `close` waits for us: `exit` tells when it ended. */
async function endUnread({ child }: Program): Promise<{ code: number | null; ms: number }> {
  const before = performance.now();
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  const code = await exited;
  const ms = performance.now() - before;
  child.stdout.resume();
  return { code, ms };
}
