import { mkdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './folder.js';
import { type JsonLine, Run, run } from './run.js';

const folder = temporaryFolder();
const mirrored = ({ type }: JsonLine): boolean => type === 'mirrored';
const lines = async (file: string): Promise<string[]> => (await readFile(file, 'utf8')).trimEnd().split('\n').sort();

describe('diff', () => {
  it('tells what the first place lacks of the second, by keys after their own prefixes and by bytes', async () => {
    const a = await folder.write('a.yaml', '/x/same: "1"\n/x/other: "1"\n/x/gone: "1"\n');
    const b = await folder.write('b.yaml', 'y/same: "1"\ny/other: "2"\ny/new: "3"\n');
    const { code, json } = await run(['diff', `file:${a}#/x/`, `file:${b}#y/`]);
    expect(code).toBe(0);
    expect(json).toEqual([
      { type: 'delete', key: 'gone', previous: '1' },
      { type: 'put', key: 'new', value: '3' },
      { type: 'put', key: 'other', value: '2', previous: '1' },
      { type: 'compared', differences: 3, keys: [3, 3] },
    ]);
    expect((await run(['diff', `file:${a}`, `file:${a}`], { tty: true })).plainLines).toEqual(['The same.']);
  });

  it('refuses to compare one key with a prefix', async () => {
    const a = await folder.write('a.yaml', 'k: "1"\n');
    const { code, errors } = await run(['diff', `file:${a}#k`, `file:${a}#k/`]);
    expect(code).toBe(2);
    expect(errors).toMatch(/is one exact key and .* is a prefix: end both with \/ or neither/);
  });
});

describe('mirror', () => {
  it('makes the target equal, follows every change, and deletes only when told to', async () => {
    const from = await folder.write('from.yaml', 'a/1: one\na/2: two\n');
    const to = await folder.write('to.yaml', 'b/2: zwei\nb/9: extra\nother: x # mine\n');
    const mirror = new Run(['mirror', `file:${from}#a/`, `file:${to}#b/`]);
    expect(await mirror.until(mirrored)).toEqual([
      { type: 'put', key: '1', value: 'one' },
      { type: 'put', key: '2', value: 'two', previous: 'zwei' },
      { type: 'mirrored', changes: 2, extra: 1 },
    ]);
    await folder.write('from.yaml', 'a/1: uno\n');
    await mirror.until(({ value }) => value === 'uno');
    expect(await mirror.end()).toBe(0);
    expect(await lines(to)).toEqual(['b/1: uno', 'b/2: two', 'b/9: extra', 'other: x # mine']);
    const again = new Run(['mirror', '--delete', `file:${from}#a/`, `file:${to}#b/`]);
    expect(await again.until(mirrored)).toEqual([
      { type: 'delete', key: '2', previous: 'two' },
      { type: 'delete', key: '9', previous: 'extra' },
      { type: 'mirrored', changes: 2, extra: 0 },
    ]);
    await again.end();
    const { json } = await run(['diff', `file:${from}#a/`, `file:${to}#b/`]);
    expect(json).toEqual([{ type: 'compared', differences: 0, keys: [1, 1] }]);
    expect(await lines(to)).toEqual(['b/1: uno', 'other: x # mine']);
  });

  it('writes nothing in a dry run, and says what it would write', async () => {
    const from = await folder.write('from.yaml', 'k: "1"\n');
    const to = await folder.write('to.yaml', '{}\n');
    const { code, json } = await run(['mirror', '--dry-run', `file:${from}`, `file:${to}`]);
    expect(code).toBe(0);
    expect(json).toEqual([
      { type: 'put', key: 'k', value: '1' },
      { type: 'mirrored', changes: 1, extra: 0, dryRun: true },
    ]);
    expect(await readFile(to, 'utf8')).toBe('{}\n');
  });

  it('deletes no more than half of the target, and nothing for an empty source, unless it is told to', async () => {
    const from = await folder.write('from.yaml', 'k1: "1"\n');
    const keys = ['k1', 'k2', 'k3', 'k4', 'k5'].map((key) => `${key}: "1"\n`).join('');
    const to = await folder.write('to.yaml', keys);
    const places = [`file:${from}`, `file:${to}`];
    for (const limit of [[], ['--max-delete', '3'], ['--max-delete', '79%']]) {
      const { code, errors } = await run(['mirror', '--delete', ...limit, ...places]);
      expect(code).toBe(2);
      expect(errors).toContain("4 of the target's 5 keys would be deleted (--max-delete allows more)");
    }
    const empty = `file:${await folder.write('empty.yaml', '{}\n')}`;
    for (const limit of [[], ['--max-delete', '99%'], ['--max-delete', '1000']]) {
      const { code, errors } = await run(['mirror', '--delete', ...limit, empty, `file:${to}`]);
      expect(code).toBe(2);
      expect(errors).toContain('the source holds no key');
    }
    expect(await readFile(to, 'utf8')).toBe(keys);
    for (const limit of ['4', '80%']) {
      await folder.write('to.yaml', keys);
      const told = new Run(['mirror', '--delete', '--max-delete', limit, ...places]);
      await told.until(mirrored);
      await told.end();
      expect(await lines(to)).toEqual(['k1: "1"']);
    }
    const all = new Run(['mirror', '--delete', '--max-delete', '100%', empty, `file:${to}`]);
    await all.until(mirrored);
    await all.end();
    expect(await lines(to)).toEqual(['{}']);
  });

  it('lets two deletes and one live delete pass, and goes on without a mass delete that comes later', async () => {
    const from = await folder.write('from.yaml', ['a', 'b', 'c', 'd'].map((key) => `${key}: "1"\n`).join(''));
    const to = await folder.write('to.yaml', 'x: "1"\ny: "1"\n');
    const mirror = new Run(['mirror', '--delete', `file:${from}`, `file:${to}`]);
    await mirror.until(mirrored);
    expect(await lines(to)).toEqual(['a: "1"', 'b: "1"', 'c: "1"', 'd: "1"']);
    await folder.write('from.yaml', 'a: "1"\nb: "1"\nc: "1"\n');
    await mirror.until(({ type, key }) => type === 'delete' && key === 'd');
    await folder.write('from.yaml', 'e: "2"\n');
    await mirror.until(({ value }) => value === '2');
    expect(await lines(to)).toEqual(['a: "1"', 'b: "1"', 'c: "1"', 'e: "2"']);
    expect(await mirror.end()).toBe(0);
    // Only now: the logger is loaded for its first line, and its lines come later than the others.
    expect(mirror.errors).toContain("3 of the target's 3 keys would be deleted");
  });

  it('deletes nothing when the source is emptied later, and a dry run that gets no answer says so', async () => {
    const from = await folder.write('from.yaml', 'a: "1"\nb: "2"\n');
    const to = await folder.write('to.yaml', '{}\n');
    const mirror = new Run(['mirror', '--delete', `file:${from}`, `file:${to}`]);
    await mirror.until(mirrored);
    await folder.write('from.yaml', '{}\n');
    await expect.poll(() => mirror.errors).toContain('the source holds no key');
    expect(await lines(to)).toEqual(['a: "1"', 'b: "2"']);
    expect(await mirror.end()).toBe(0);
    const dry = new Run(['mirror', '--dry-run', 'etcd://127.0.0.1:1/x/', `file:${to}`]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await dry.end('SIGTERM')).toBe(143);
  });

  it('tells a key that the target refuses, once for each value, and goes on', async () => {
    const from = await folder.write('from.json', '{"a":"1","..bad":"x"}');
    await mkdir(folder.path('to'), { recursive: true });
    const mirror = new Run(['mirror', `file:${from}`, `file:${folder.path('to')}/`]);
    expect(await mirror.until(mirrored)).toEqual([
      expect.objectContaining({ type: 'skipped', key: '..bad', code: 'INVALID_OPTION' }),
      { type: 'put', key: 'a', value: '1' },
      { type: 'mirrored', changes: 1, extra: 0, skipped: 1 },
    ]);
    await folder.write('from.json', '{"a":"2","..bad":"x","b":"3"}');
    const after = await mirror.until(({ value }) => value === '3');
    expect(after.filter(({ type }) => type === 'skipped')).toHaveLength(1);
    expect(await readFile(folder.path('to/a'), 'utf8')).toBe('2');
    expect(await mirror.end()).toBe(0);
  });

  it('outlives a target that fails, and compares it anew', async () => {
    const from = await folder.write('from.yaml', 'k: "1"\n');
    const to = await folder.write('to.yaml', '{}\n');
    const mirror = new Run(['mirror', `file:${from}`, `file:${to}`]);
    await mirror.until(mirrored);
    await folder.write('to.yaml', '');
    await folder.write('from.yaml', 'k: "2"\n');
    await expect.poll(() => mirror.errors).toContain('is compared anew');
    await folder.write('to.yaml', '{}\n');
    await mirror.until(({ value }) => value === '2');
    await mirror.end();
    expect(await lines(to)).toEqual(['k: "2"']);
  });

  it("lets a service's instances be copied to keys of the same Consul", async () => {
    const consul = 'consul://127.0.0.1:1/';
    const { code, errors } = await run(['mirror', '--timeout', '300ms', `${consul}?service=kafka`, `${consul}kafka/`]);
    // It came as far as asking, and nobody is there.
    expect(code).toBe(1);
    expect(errors).toContain('No state after 300 ms');
  });

  it('refuses a target that lies in its own source', async () => {
    const file = await folder.write('a.yaml', 'a/1: one\n');
    const { code, errors } = await run(['mirror', `file:${file}#a/`, `file:${file}#a/b/`]);
    expect(code).toBe(2);
    expect(errors).toContain('overlaps');
  });
});
