import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Source } from '@rollcall/core/adapter';
import { describe, expect, it } from 'vitest';
import { open, Reader, temporaryFolder } from './support.js';

/** A tool of every POSIX system. */
const PIPE_MAKER = 'mkfifo';

const utf8 = (text: string): Uint8Array => Buffer.from(text);

function writer(source: Source): NonNullable<Source['write']> {
  if (source.write === undefined) throw new Error('It cannot write.');
  return source.write;
}

describe('writing to a document', () => {
  it('puts and deletes keys, and a watch sees it at the revision told', async () => {
    const path = join(temporaryFolder(), 'b.yaml');
    writeFileSync(path, '# brokers\na: 1\n', { mode: 0o640 });
    const source = open(path);
    const reader = new Reader(source);
    await reader.state();
    const put = await writer(source).put('b/c', utf8('2'));
    const { value } = await reader.iterator.next();
    expect(Number(value.revision)).toBeGreaterThan(Number(put));
    expect(readFileSync(path, 'utf8')).toBe('# brokers\na: 1\nb/c: "2"\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(await writer(source).delete('a')).toBe(true);
    expect(await reader.state()).toEqual({ 'b/c': '2' });
    expect(await writer(source).delete('a')).toBe(false);
    expect(readdirSync(join(path, '..'))).toEqual(['b.yaml']);
  });

  it('puts at the same time are all there', async () => {
    const path = join(temporaryFolder(), 'b.json');
    writeFileSync(path, '{}');
    const { put } = bound(open(path));
    await Promise.all(Array.from({ length: 50 }, (_, index) => put(`k${index}`, utf8(String(index)))));
    const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    expect(Object.keys(content)).toHaveLength(50);
    expect(content.k49).toBe('49');
  });

  it('a change by somebody else in between is kept', async () => {
    const path = join(temporaryFolder(), 'b.yaml');
    writeFileSync(path, 'a: 1\n');
    const { put } = bound(open(path));
    await put('b', utf8('2'));
    writeFileSync(path, 'a: theirs\nb: 2\n');
    await put('c', utf8('3'));
    expect(readFileSync(path, 'utf8')).toBe('a: theirs\nb: 2\nc: "3"\n');
  });

  it('a change by somebody else between the read and the write is kept', async () => {
    const path = join(temporaryFolder(), 'b.yaml');
    writeFileSync(path, 'a: 1\n');
    const { put } = bound(open(path));
    // They save at the moment when the next version is staged beside the document.
    const watcher = watch(join(path, '..'), (_event, name) => {
      if (!name?.startsWith('..')) return;
      watcher.close();
      writeFileSync(`${path}.theirs`, 'a: theirs\n');
      renameSync(`${path}.theirs`, path);
    });
    await put('b', utf8('x'));
    expect(readFileSync(path, 'utf8')).toBe('a: theirs\nb: x\n');
    expect(readdirSync(join(path, '..'))).toEqual(['b.yaml']);
  });

  it('follows a link: the link stays', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'real.yaml'), 'a: 1\n');
    symlinkSync('real.yaml', join(folder, 'link.yaml'));
    await writer(open(join(folder, 'link.yaml'))).put('a', utf8('x'));
    expect(lstatSync(join(folder, 'link.yaml')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'real.yaml'), 'utf8')).toBe('a: x\n');
  });

  it.each(['', '# only a comment\n', 'a: {', '- list\n'])(
    'leaves %j as it is: it may be half-written',
    async (text) => {
      const path = join(temporaryFolder(), 'b.yaml');
      writeFileSync(path, text);
      await expect(writer(open(path)).put('a', utf8('1'))).rejects.toMatchObject({ code: 'UNREADABLE' });
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it('creates no document that is missing, and one failure does not stop the next write', async () => {
    const path = join(temporaryFolder(), 'b.yaml');
    const { put } = bound(open(path));
    await expect(put('a', utf8('1'))).rejects.toMatchObject({ code: 'UNREADABLE' });
    writeFileSync(path, '{}');
    await put('a', utf8('x'));
    expect(readFileSync(path, 'utf8')).toBe('a: x\n');
  });

  it('has no leases', async () => {
    const { put } = bound(open(join(temporaryFolder(), 'b.yaml')));
    await expect(put('a', utf8('1'), { ttlMs: 1000 })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(put('a', utf8('1'), { lease: 'x' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(put('a', utf8(''), { ignoreValue: true })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('a closed source refuses', async () => {
    const path = join(temporaryFolder(), 'b.yaml');
    writeFileSync(path, '{}');
    const source = open(path);
    await source[Symbol.asyncDispose]();
    await expect(writer(source).put('a', utf8('1'))).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('writing to a folder', () => {
  it('S04 S12 puts and deletes files', async () => {
    const path = temporaryFolder();
    const source = open(path);
    const { put, remove } = bound(source);
    const reader = new Reader(source);
    expect(await reader.state()).toEqual({});
    await put('broker/kafka/h:9092', Uint8Array.of(0, 255));
    const entries = await reader.entries();
    expect([...(entries.get('broker/kafka/h:9092')?.value ?? [])]).toEqual([0, 255]);
    await put('a\udcff', utf8('1'));
    expect(Object.keys(await reader.state()).sort()).toEqual(['a\udcff', 'broker/kafka/h:9092']);
    expect(await remove('broker/kafka/h:9092')).toBe(true);
    expect(await reader.state()).toEqual({ 'a\udcff': '1' });
    expect(await remove('broker/kafka/h:9092')).toBe(false);
    expect(await remove('a\udcff/b')).toBe(false);
    expect(await remove('broker')).toBe(false);
  });

  it('keeps the mode, writes into the current version of a ConfigMap, and through no link to a file', async () => {
    const path = temporaryFolder();
    mkdirSync(join(path, '..v1'));
    symlinkSync('..v1', join(path, '..data'));
    writeFileSync(join(path, '..v1/a'), '1', { mode: 0o604 });
    symlinkSync('a', join(path, '..v1/b'));
    const { put } = bound(open(path));
    await put('a', utf8('2'));
    expect(statSync(join(path, '..v1/a')).mode & 0o777).toBe(0o604);
    await expect(put('b', utf8('3'))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('nothing is written through one'),
    });
    expect(lstatSync(join(path, '..v1/b')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(path, '..v1/a'), 'utf8')).toBe('2');
    expect(readdirSync(join(path, '..v1')).sort()).toEqual(['a', 'b']);
  });

  it.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '..',
    '../x',
    'a/../../x',
    '.',
    './a',
    '..hidden',
    'a/..b/c',
    'a\0b',
    '.env',
    'a~',
    'x/b.swp',
    'x/b.orig',
    'a.bak',
    'a.tmp',
    '#a#',
    'README',
    '.git/a',
  ])('refuses the key %j, which cannot be a file in it', async (key) => {
    const { put, remove } = bound(open(temporaryFolder()));
    await expect(put(key, utf8('1'))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(remove(key)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('replaces no pipe by a file', async () => {
    const path = temporaryFolder();
    execFileSync(PIPE_MAKER, [join(path, 'p')]);
    const { put } = bound(open(path));
    await expect(put('p', utf8('1'))).rejects.toMatchObject({ message: expect.stringContaining('no regular file') });
    expect(statSync(join(path, 'p')).isFIFO()).toBe(true);
  });

  it('refuses a key that leads out of it over a link', async () => {
    const path = temporaryFolder();
    const outside = temporaryFolder();
    writeFileSync(join(outside, 'x'), 'theirs');
    symlinkSync(outside, join(path, 'sub'));
    const { put, remove } = bound(open(path));
    await expect(put('sub/x', utf8('1'))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(put('sub/new/x', utf8('1'))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(remove('sub/x')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(readdirSync(outside)).toEqual(['x']);
    expect(readFileSync(join(outside, 'x'), 'utf8')).toBe('theirs');
  });

  it('a key cannot be a file and a folder, nor longer than a file name', async () => {
    const path = temporaryFolder();
    const { put } = bound(open(path));
    await put('a', utf8('1'));
    await put('f/x', utf8('1'));
    await expect(put('a/b', utf8('1'))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(put('f', utf8('1'))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(put('x'.repeat(300), utf8('1'))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(readdirSync(path).sort()).toEqual(['a', 'f']);
  });
});

function bound(source: Source) {
  const write = writer(source);
  return { put: write.put.bind(write), remove: write.delete.bind(write) };
}
