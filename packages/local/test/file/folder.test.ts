import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentOf, readSettled, singleRead } from '../../src/file/read.js';
import { HandTiming, open, POLL_MS, Reader, temporaryFolder } from './support.js';

/** A folder with these files. */
function folder(files: Record<string, string | Uint8Array>): string {
  const path = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

describe('a watch of a folder', () => {
  it('S01 S03 each file is a key, nested ones with their path', async () => {
    const source = open(folder({ a: '1', 'broker/kafka/h:9092': '', 'broker/x y%': '2' }));
    expect(await new Reader(source).state()).toEqual({
      a: '1',
      'broker/kafka/h:9092': '',
      'broker/x y%': '2',
    });
    expect(await new Reader(source, { prefix: 'broker/' }).state()).toEqual({ 'kafka/h:9092': '', 'x y%': '2' });
    expect(await new Reader(source, { prefix: 'a', exact: true }).state()).toEqual({ '': '1' });
    expect(await new Reader(source, { prefix: 'none/' }).state()).toEqual({});
  });

  it('what editors, copies and systems leave behind is no key, nor what it lies in', async () => {
    const names = [
      '.#a',
      '.a.swp',
      '.DS_Store',
      '.git/config',
      '..no',
      'a~',
      '#a#',
      'a.swp',
      'a.swn',
      'a.yaml.orig',
      'a.rej',
      'a.bak',
      'a.tmp',
      'README.md',
      'README',
      'b~/c',
    ];
    const path = folder({
      a: '1',
      'a.swap': '2',
      tmp: '3',
      'readme-first': '4',
      ...Object.fromEntries(names.map((name) => [name, 'x'])),
    });
    symlinkSync('user@host.1234:1700000000', join(path, '.#b'));
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '1', 'a.swap': '2', tmp: '3', 'readme-first': '4' });
    symlinkSync('user@host.1234:1700000000', join(path, '.#c'));
    writeFileSync(join(path, 'a'), '9');
    expect(await reader.state()).toMatchObject({ a: '9' });
  });

  it('S01 without files it is empty, and the first is seen', async () => {
    const path = folder({});
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({});
    writeFileSync(join(path, 'a'), '1');
    expect(await reader.state()).toEqual({ a: '1' });
  });

  it('S04 values are bytes', async () => {
    const binary = Uint8Array.from({ length: 1_000_000 }, (_, index) => index % 251);
    const entries = await new Reader(open(folder({ binary, nul: Uint8Array.of(0), empty: '' }))).entries();
    expect(Buffer.compare(entries.get('binary')?.value ?? new Uint8Array(), binary)).toBe(0);
    expect([...(entries.get('nul')?.value ?? [])]).toEqual([0]);
    expect(entries.get('empty')?.value).toHaveLength(0);
  });

  it.skipIf(process.platform === 'darwin')('S12 names that are not UTF-8 stay distinct', async () => {
    const path = folder({});
    for (const last of [0xff, 0xfe]) {
      writeFileSync(Buffer.concat([Buffer.from(`${path}/a`), Buffer.of(last)]), String(last));
    }
    const source = open(path);
    const reader = new Reader(source);
    expect(await reader.state()).toEqual({ 'a\udcff': '255', 'a\udcfe': '254' });
    expect(await new Reader(source, { prefix: 'a\udcff', exact: true }).state()).toEqual({ '': '255' });
    writeFileSync(Buffer.concat([Buffer.from(`${path}/a`), Buffer.of(0xff)]), 'changed');
    expect(await reader.state()).toEqual({ 'a\udcff': 'changed', 'a\udcfe': '254' });
  });

  it('S47 the last key gone; nested folders made, filled and removed', async () => {
    const path = folder({ a: '1' });
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '1' });
    unlinkSync(join(path, 'a'));
    expect(await reader.state()).toEqual({});
    mkdirSync(join(path, 'sub/deep'), { recursive: true });
    writeFileSync(join(path, 'sub/deep/k'), '2');
    expect(await reader.state()).toEqual({ 'sub/deep/k': '2' });
    writeFileSync(join(path, 'sub/deep/k'), '3');
    expect(await reader.state()).toEqual({ 'sub/deep/k': '3' });
    rmSync(join(path, 'sub'), { recursive: true });
    expect(await reader.state()).toEqual({});
  });

  it('links to files are followed, links to folders are not', async () => {
    const path = folder({ a: '1' });
    const outside = folder({ secret: 's', target: '2' });
    symlinkSync(join(outside, 'target'), join(path, 'link'));
    symlinkSync(outside, join(path, 'elsewhere'));
    symlinkSync('.', join(path, 'circle'));
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '1', link: '2' });
    writeFileSync(join(outside, 'target'), '3');
    expect(await reader.state()).toEqual({ a: '1', link: '3' });
  });

  it('S69 gone is trouble, and so is a link that leads nowhere', async () => {
    const path = folder({ a: '1', b: '2' });
    const reader = new Reader(open(path));
    await reader.state();
    unlinkSync(join(path, 'a'));
    symlinkSync('nowhere', join(path, 'a'));
    expect(await reader.trouble()).toMatch(/^UNREADABLE Cannot read ".*\/a": it does not exist/);
    renameSync(path, `${path}-away`);
    expect(await reader.trouble()).toMatch(/does not exist/);
    renameSync(`${path}-away`, path);
    expect(await reader.trouble()).toMatch(/\/a": it does not exist/);
    unlinkSync(join(path, 'a'));
    expect(await reader.state()).toEqual({ b: '2' });
  });

  it('S69 a file changed while others are read: all are read again', async () => {
    const path = folder({ a: '1', b: '1' });
    let reads = 0;
    const { result } = await readSettled(path, singleRead(new AbortController().signal), async (look) => {
      const content = await contentOf(path, look);
      if (++reads === 1) {
        writeFileSync(join(path, 'a'), '2');
        writeFileSync(join(path, 'b'), '2');
      }
      return content;
    });
    expect(result).toEqual(
      new Map([
        ['a', Buffer.from('2')],
        ['b', Buffer.from('2')],
      ]),
    );
    expect(reads).toBe(2);
  });
});

describe('S69 a mounted ConfigMap', () => {
  /** Writes a version as the kubelet does: a new folder, a link to it, and links to the files over that. */
  function publish(mount: string, version: string, files: Record<string, string>): void {
    const folderName = `..2024_${version}`;
    mkdirSync(join(mount, folderName));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(mount, folderName, name), content);
    symlinkSync(folderName, join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    for (const name of Object.keys(files)) {
      rmSync(join(mount, name), { force: true });
      symlinkSync(join('..data', name), join(mount, name));
    }
  }

  it('all keys change at once', async () => {
    const mount = folder({});
    publish(mount, '1', { a: '1', b: '1' });
    const reader = new Reader(open(mount));
    expect(await reader.state()).toEqual({ a: '1', b: '1' });
    publish(mount, '2', { a: '2', c: '2' });
    rmSync(join(mount, '..2024_1'), { recursive: true });
    // The link of b leads nowhere now, as between the kubelet's steps: what counts is the version.
    expect(await reader.state()).toEqual({ a: '2', c: '2' });
  });

  it('never a mixture, when the swap comes between the look and the read', async () => {
    const mount = folder({});
    publish(mount, '1', { a: '1', b: '1' });
    const results: unknown[] = [];
    const { result } = await readSettled(mount, singleRead(new AbortController().signal), async (look) => {
      if (results.length === 0) {
        publish(mount, '2', { a: '2', b: '2' });
        rmSync(join(mount, '..2024_1/b'));
      }
      results.push(look);
      return contentOf(mount, look);
    });
    expect(result).toEqual(
      new Map([
        ['a', Buffer.from('2')],
        ['b', Buffer.from('2')],
      ]),
    );
    expect(results).toHaveLength(2);
  });

  it('one document of it', async () => {
    const mount = folder({});
    publish(mount, '1', { 'brokers.yaml': 'a: 1\n' });
    const timing = new HandTiming();
    const reader = new Reader(open(join(mount, 'brokers.yaml'), timing));
    expect(await timing.settling(reader.state())).toEqual({ a: '1' });
    const next = reader.state();
    await timing.waiting(POLL_MS);
    // Only the swap: the link of the document stays as it is.
    mkdirSync(join(mount, '..2024_2'));
    writeFileSync(join(mount, '..2024_2/brokers.yaml'), 'a: 2\n');
    symlinkSync('..2024_2', join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    expect(await timing.settling(next)).toEqual({ a: '2' });
  });
});
