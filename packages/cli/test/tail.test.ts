import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './folder.js';
import { type JsonLine, Run, run } from './run.js';

const folder = temporaryFolder();
const synced = ({ type }: JsonLine): boolean => type === 'synced';

describe('tail on a pipe', () => {
  it('prints the state, synced, then every change', async () => {
    const file = await folder.write('a.yaml', 'a/1: one\na/2: ""\nb: no\n');
    const tail = new Run(['tail', `file:${file}#a/`]);
    expect(await tail.until(synced)).toEqual([
      { type: 'put', key: 'a/1', value: 'one', revision: '1', initial: true },
      { type: 'put', key: 'a/2', value: '', revision: '1', initial: true },
      { type: 'synced', revision: '1', keys: 2, cause: 'initial' },
    ]);
    await folder.write('a.yaml', 'a/1: uno\na/3: three\n');
    const lines = await tail.until(({ key }) => key === 'a/3');
    expect(lines.slice(3)).toEqual([
      { type: 'put', key: 'a/1', value: 'uno', previous: 'one', revision: '2' },
      { type: 'delete', key: 'a/2', revision: '2', synthetic: true },
      { type: 'put', key: 'a/3', value: 'three', revision: '2' },
    ]);
    expect(await tail.end()).toBe(0);
  });

  it('tells when the state is stale and when it is live again, after what changed meanwhile', async () => {
    const file = await folder.write('a.yaml', 'k: "1"\n');
    const tail = new Run(['tail', `file:${file}`]);
    await tail.until(synced);
    await folder.write('a.yaml', '');
    const [stale] = (await tail.until(({ type }) => type === 'status')).slice(2);
    expect(stale).toMatchObject({
      type: 'status',
      provenAt: expect.any(String),
      state: 'stale',
      code: 'UNREADABLE',
      message: expect.stringContaining(file),
    });
    await folder.write('a.yaml', 'k: "2"\n');
    const lines = await tail.until(({ state }) => state === 'live');
    expect(lines.slice(3)).toEqual([
      { type: 'put', key: 'k', value: '2', previous: '1', revision: expect.any(String) },
      { type: 'synced', revision: expect.any(String), keys: 1, cause: 'resync' },
      { type: 'status', state: 'live', provenAt: expect.any(String) },
    ]);
    await tail.end();
  });

  it('prints only the status when nothing changed meanwhile', async () => {
    const file = await folder.write('a.yaml', 'k: "1"\n');
    const tail = new Run(['tail', `file:${file}`]);
    await tail.until(synced);
    await folder.write('a.yaml', '');
    await tail.until(({ state }) => state === 'stale');
    await folder.write('a.yaml', 'k: "1"\n');
    const lines = await tail.until(({ state }) => state === 'live');
    expect(lines.slice(3)).toEqual([{ type: 'status', state: 'live', provenAt: expect.any(String) }]);
    await tail.end();
  });

  it('leaves values out with --keys-only', async () => {
    const file = await folder.write('a.yaml', 'k: "1"\n');
    const tail = new Run(['tail', '--keys-only', `file:${file}`]);
    await tail.until(synced);
    await folder.write('a.yaml', 'k: "2"\n');
    const lines = await tail.until(({ revision }) => revision === '2');
    expect(lines).toEqual([
      { type: 'put', key: 'k', revision: '1', initial: true },
      { type: 'synced', revision: '1', keys: 1, cause: 'initial' },
      { type: 'put', key: 'k', revision: '2' },
    ]);
    await tail.end();
  });

  it('names the source where several are watched', async () => {
    const one = `file:${await folder.write('a.yaml', 'k: "1"\n')}`;
    const other = `file:${await folder.write('b.yaml', '{}')}`;
    const tail = new Run(['tail', one, other]);
    await tail.until(({ type, source }) => type === 'synced' && source === one);
    const lines = await tail.until(({ type, source }) => type === 'synced' && source === other);
    expect(lines).toContainEqual({ type: 'put', key: 'k', value: '1', revision: '1', initial: true, source: one });
    await tail.end();
  });

  it('takes a literal prefix and warns where it matches more than a folder', async () => {
    const file = await folder.write('a.yaml', 'a: "1"\nab: "2"\nb: "3"\n');
    const tail = new Run(['tail', '--prefix', 'a', `file:${file}`]);
    const lines = await tail.until(synced);
    expect(lines.map(({ key }) => key)).toEqual(['a', 'ab', undefined]);
    expect(tail.errors).toContain('it matches \\"ax\\" too');
    await tail.end();
  });

  it('watches a name of the configuration', async () => {
    await folder.write('a.yaml', 'k: "1"\n');
    const config = await folder.write('rollcall.yaml', 'watches: { orders: { source: "file:a.yaml" } }');
    const byFlag = new Run(['tail', 'orders', '--config', config]);
    const byVariable = new Run(['tail', 'orders'], { env: { ROLLCALL_CONFIG: config } });
    expect((await byFlag.until(synced)).at(-1)).toMatchObject({ keys: 1 });
    expect((await byVariable.until(synced)).at(-1)).toMatchObject({ keys: 1 });
    await Promise.all([byFlag.end(), byVariable.end()]);
  });

  it('gives up with exit code 1 when there is no state in time', async () => {
    const { code, errors } = await run(['tail', '--timeout', '100ms', `file:${folder.path('none.yaml')}`]);
    expect(code).toBe(1);
    expect(errors).toContain('error: No state after 100 ms');
  });
});

describe('a pipe that is full or closed', () => {
  it('ends as asked while it is full', async () => {
    const file = await folder.write('a.yaml', `big: "${'x'.repeat(100_000)}"\n`);
    const tail = new Run(['tail', `file:${file}`]);
    tail.stdout.pause();
    await expect.poll(() => tail.stdout.writableNeedDrain).toBe(true);
    expect(await tail.end()).toBe(0);
  });

  it('ends with exit code 0 when its reader went away', async () => {
    const file = await folder.write('a.yaml', 'k: "1"\n');
    const tail = new Run(['tail', `file:${file}`]);
    await tail.until(synced);
    tail.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(await tail.done).toBe(0);
    expect(tail.errors).toBe('');
  });

  it('ends with exit code 1 when it cannot be written', async () => {
    const file = await folder.write('a.yaml', 'k: "1"\n');
    const tail = new Run(['tail', `file:${file}`]);
    await tail.until(synced);
    tail.stdout.emit('error', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    expect(await tail.done).toBe(1);
    expect(tail.errors).toContain('no space left on device');
  });
});

describe('tail on a terminal', () => {
  it('is for people', async () => {
    const file = await folder.write('a.yaml', 'a: one\nb: two\n');
    const tail = new Run(['tail', `file:${file}`], { tty: true });
    await tail.untilText(/2 keys/);
    expect(tail.text).toContain('\x1b[');
    await folder.write('a.yaml', 'a: uno\nc: three\n');
    await tail.untilText(/\+ c/);
    await folder.write('a.yaml', '');
    await tail.untilText(/stale/);
    expect(tail.plainLines).toEqual([
      '  a  one',
      '  b  two',
      '● 2 keys revision 1',
      '~ a  one → uno',
      '- b',
      '+ c  three',
      '! stale UNREADABLE the last good state stays',
    ]);
    await tail.end();
  });

  it('has no colours with NO_COLOR', async () => {
    const file = await folder.write('a.yaml', 'a: one\n');
    const tail = new Run(['tail', `file:${file}`], { tty: true, env: { NO_COLOR: '1' } });
    await tail.untilText(/1 key /);
    expect(tail.text).not.toContain('\x1b[');
    await tail.end();
  });

  it('is JSON with --json', async () => {
    const file = await folder.write('a.yaml', 'a: one\n');
    const tail = new Run(['tail', '--json', `file:${file}`], { tty: true });
    await tail.until(synced);
    await tail.end();
  });
});

describe('S57 hostile keys and values', () => {
  const hostile = String.raw`{ "k\u001b[2J\u202e": "\u009b31m\u0007", "__proto__": "x" }`;

  it('do not reach a terminal', async () => {
    const file = await folder.write('a.json', hostile);
    const tail = new Run(['tail', `file:${file}`], { tty: true, env: { NO_COLOR: '1' } });
    await tail.untilText(/2 keys/);
    expect(tail.plainLines.slice(0, 2)).toEqual(['  __proto__  x', '  k\\x1b[2J\\u202e  \\x9b31m\\x07']);
    await tail.end();
  });

  it('are escaped in JSON too, and mean the same', async () => {
    const file = await folder.write('a.json', hostile);
    const tail = new Run(['tail', `file:${file}`]);
    const lines = await tail.until(synced);
    expect(lines[1]).toMatchObject({ key: 'k\x1b[2J\u202e', value: '\x9b31m\x07' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(tail.text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    await tail.end();
  });
});
