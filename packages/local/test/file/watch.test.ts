import { getEventListeners } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entriesOf } from '../../src/file/entries.js';
import { contentOf, readSettled, singleRead } from '../../src/file/read.js';
import { HandTiming, open, POLL_MS, Reader, SETTLE_MS, temporaryFolder, texts } from './support.js';

/** What an editor or `rollcall put` does. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

function document(content: string, name = 'brokers.yaml'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

describe('a watch of a document', () => {
  it('S01 begins with a whole snapshot, also of an empty prefix', async () => {
    const path = document('broker/a: 1\nbroker/b: 2\nother: 3\n');
    const source = open(path);
    expect(await new Reader(source).state()).toEqual({ 'broker/a': '1', 'broker/b': '2', other: '3' });
    expect(await new Reader(source, { prefix: 'nobody/' }).state()).toEqual({});
    writeFileSync(path, '{}');
    expect(await new Reader(source).state()).toEqual({});
  });

  it('reads what was changed long ago at once, and waits for what may still be written', async () => {
    const path = document('a: 1\n');
    const fresh = new HandTiming();
    const waiting = new Reader(open(path, fresh)).state();
    await fresh.waiting(SETTLE_MS);
    const later = new HandTiming(() => Date.now() + 60_000);
    expect(await new Reader(open(path, later)).state()).toEqual({ a: '1' });
    fresh.fire(SETTLE_MS);
    expect(await waiting).toEqual({ a: '1' });
  });

  it('S03 a prefix is literal, and an exact key is one key', async () => {
    const source = open(document('a: 1\na/: 2\na/x: 3\nab: 4\n"a%2F-é ü/k": 5\n'));
    expect(await new Reader(source, { prefix: 'a/' }).state()).toEqual({ '': '2', x: '3' });
    expect(await new Reader(source, { prefix: 'a', exact: true }).state()).toEqual({ '': '1' });
    expect(await new Reader(source, { prefix: 'none', exact: true }).state()).toEqual({});
    expect(await new Reader(source, { prefix: 'a%2F-é ü/' }).state()).toEqual({ k: '5' });
  });

  it('S12 a prefix of bytes that are not UTF-8', async () => {
    const source = open(document('"a/\\udcff": 1\n"a/\\udcfe": 2\n"\\udcff\\udcff/k": 3\né: 4\n'));
    expect(await new Reader(source, { prefix: 'a/' }).state()).toEqual({ '\udcff': '1', '\udcfe': '2' });
    expect(await new Reader(source, { prefix: '\udcff\udcff' }).state()).toEqual({ '/k': '3' });
    // The first byte of é.
    expect(await new Reader(source, { prefix: '\udcc3' }).state()).toEqual({ '\udca9': '4' });
  });

  it('S06 keeps the objects of entries that are the same, those it was given too', async () => {
    const path = document('a: 1\nb: 2\n');
    const source = open(path);
    const reader = new Reader(source);
    const first = await reader.entries();
    replace(path, 'a: 1\nb: 3\n');
    const second = await reader.entries();
    expect(second.get('a')).toBe(first.get('a'));
    expect(second.get('b')).not.toBe(first.get('b'));
    const held = Object.assign(second, { range: () => [] });
    const again = await new Reader(source, { prefix: '' }, held).entries();
    expect(again.get('a')).toBe(second.get('a'));
    expect(again.get('b')).toBe(second.get('b'));
  });

  it('S47 the last key gone is an empty state', async () => {
    const path = document('a/x: 1\n');
    const reader = new Reader(open(path), { prefix: 'a/' });
    expect(await reader.state()).toEqual({ x: '1' });
    replace(path, '{}');
    expect(await reader.state()).toEqual({});
    replace(path, 'a/y: 2\n');
    expect(await reader.state()).toEqual({ y: '2' });
  });

  it('revisions only rise', async () => {
    const path = document('a: 0\n');
    const source = open(path);
    const reader = new Reader(source);
    const revisions: number[] = [];
    for (let step = 1; step <= 3; step++) {
      const { value } = await reader.iterator.next();
      revisions.push(Number(value?.revision));
      await new Reader(source).entries();
      replace(path, `a: ${step}\n`);
    }
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  });

  it('tells nothing when the content is the same', async () => {
    const path = document('a: 1\nb: 2\n');
    const timing = new HandTiming();
    const reader = new Reader(open(path, timing));
    await timing.settling(reader.state());
    const next = reader.state();
    await timing.waiting(POLL_MS);
    replace(path, '{"b": "2", "a": "1"} # written in another way');
    await timing.waiting(SETTLE_MS);
    // Waiting for events again, it has read and found the same.
    await timing.idle();
    replace(path, 'a: 2\n');
    expect(await timing.settling(next)).toEqual({ a: '2' });
  });
});

describe('S69 never a partial state', () => {
  it('atomic rename', async () => {
    const path = document('a: 0\nb: 0\n');
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '0', b: '0' });
    for (let version = 1; version <= 5; version++) {
      replace(path, `a: ${version}\nb: ${version}\n`);
      expect(await reader.state()).toEqual({ a: String(version), b: String(version) });
    }
  });

  it('truncate, then write in two steps of which the first is a valid document', async () => {
    const path = document('a: 1\nb: 1\n');
    const timing = new HandTiming();
    const reader = new Reader(open(path, timing));
    expect(await timing.settling(reader.state())).toEqual({ a: '1', b: '1' });
    const next = reader.state();
    await timing.waiting(POLL_MS);
    truncateSync(path);
    await timing.waiting(SETTLE_MS);
    appendFileSync(path, 'a: 2\n');
    timing.fire(SETTLE_MS);
    await timing.waiting(SETTLE_MS);
    appendFileSync(path, 'b: 2\n');
    expect(await timing.settling(next)).toEqual({ a: '2', b: '2' });
  });

  it('a write in the middle of the read', async () => {
    const path = document('a: 1\nb: 1\n');
    let reads = 0;
    const { result } = await readSettled(path, singleRead(new AbortController().signal), async (look) => {
      const content = await contentOf(path, look);
      if (++reads === 1) writeFileSync(path, 'a: 2\nb: 2\n');
      return content;
    });
    expect(texts(entriesOf(result as Map<string, Uint8Array>, { prefix: '' }))).toEqual({ a: '2', b: '2' });
    expect(reads).toBe(2);
  });

  it('emptied: trouble, then mended with the same content, which is news', async () => {
    const path = document('a: 1\n');
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '1' });
    writeFileSync(path, '');
    expect(await reader.trouble()).toMatch(/^UNREADABLE .*has no content.*write \{\}/);
    writeFileSync(path, 'a: 1\n');
    expect(await reader.state()).toEqual({ a: '1' });
  });

  it('invalid YAML, then fixed', async () => {
    const path = document('a: 1\nb: 2\n');
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '1', b: '2' });
    replace(path, 'a: 1\nb: {c: \n');
    expect(await reader.trouble()).toMatch(/brokers\.yaml": at line \d, it is not valid YAML/);
    replace(path, 'a: 1\nb: 3\n');
    expect(await reader.state()).toEqual({ a: '1', b: '3' });
  });

  it('deleted and back', async () => {
    const path = document('a: 1\n');
    const reader = new Reader(open(path));
    expect(await reader.state()).toEqual({ a: '1' });
    unlinkSync(path);
    expect(await reader.trouble()).toMatch(/^UNREADABLE .*does not exist/);
    writeFileSync(path, 'a: 1\nb: 2\n');
    expect(await reader.state()).toEqual({ a: '1', b: '2' });
  });

  it('not there yet, nor its folder', async () => {
    const folder = join(temporaryFolder(), 'later');
    const path = join(folder, 'brokers.yaml');
    const reader = new Reader(open(path));
    expect(await reader.trouble()).toMatch(/does not exist; create it/);
    const next = reader.state();
    mkdirSync(folder);
    writeFileSync(path, 'a: 1\n');
    expect(await next).toEqual({ a: '1' });
  });

  it('a chain of symbolic links, each of them swapped', async () => {
    const folder = temporaryFolder();
    for (const name of ['etc', 'one', 'two', 'links']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'one/b.yaml'), 'a: 1\n');
    writeFileSync(join(folder, 'two/b.yaml'), 'a: 2\n');
    symlinkSync('../one', join(folder, 'links/current'));
    symlinkSync('../links/current/b.yaml', join(folder, 'etc/b.yaml'));
    const reader = new Reader(open(join(folder, 'etc/b.yaml')));
    expect(await reader.state()).toEqual({ a: '1' });
    writeFileSync(join(folder, 'one/b.yaml'), 'a: 3\n');
    expect(await reader.state(), 'the target written in place').toEqual({ a: '3' });
    symlinkSync('../two', join(folder, 'links/next'));
    renameSync(join(folder, 'links/next'), join(folder, 'links/current'));
    expect(await reader.state(), 'a link on the way swapped').toEqual({ a: '2' });
    replace(join(folder, 'two/b.yaml'), 'a: 4\n');
    expect(await reader.state(), 'the new target replaced').toEqual({ a: '4' });
    symlinkSync(join(folder, 'one/b.yaml'), join(folder, 'etc/next'));
    renameSync(join(folder, 'etc/next'), join(folder, 'etc/b.yaml'));
    expect(await reader.state(), 'the first link swapped').toEqual({ a: '3' });
  });

  it('a circle of links and a pipe are trouble', async () => {
    const folder = temporaryFolder();
    symlinkSync('b', join(folder, 'a'));
    symlinkSync('a', join(folder, 'b'));
    expect(await new Reader(open(join(folder, 'a'))).trouble()).toMatch(/lead in a circle/);
    expect(await new Reader(open('/dev/null')).trouble()).toMatch(/neither a file nor a folder/);
  });

  it('a folder above moved away: seen by the clock, where the system tells of nothing', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'etc/app'), { recursive: true });
    mkdirSync(join(folder, 'next/app'), { recursive: true });
    writeFileSync(join(folder, 'etc/app/b.yaml'), 'a: 1\n');
    writeFileSync(join(folder, 'next/app/b.yaml'), 'a: 2\n');
    const timing = new HandTiming();
    const reader = new Reader(open(join(folder, 'etc/app/b.yaml'), timing));
    expect(await timing.settling(reader.state())).toEqual({ a: '1' });
    const next = reader.state();
    await timing.waiting(POLL_MS);
    renameSync(join(folder, 'etc'), join(folder, 'old'));
    renameSync(join(folder, 'next'), join(folder, 'etc'));
    timing.fire(POLL_MS);
    expect(await timing.settling(next)).toEqual({ a: '2' });
    const after = reader.state();
    await timing.waiting(POLL_MS);
    writeFileSync(join(folder, 'etc/app/b.yaml'), 'a: 3\n');
    expect(await timing.settling(after), 'the system tells of the folder that is there now').toEqual({ a: '3' });
  });

  it('a file that never comes to rest is trouble, and mends when it does', async () => {
    const path = document('a: 1\n');
    const timing = new HandTiming();
    const reader = new Reader(open(path, timing));
    expect(await timing.settling(reader.state())).toEqual({ a: '1' });
    const next = reader.trouble();
    await timing.waiting(POLL_MS);
    appendFileSync(path, '#');
    let told: string | undefined;
    const done = next.then((message) => {
      told = message;
    });
    while (told === undefined) {
      await Promise.race([timing.waiting(SETTLE_MS), done]);
      appendFileSync(path, '#');
      timing.fire(SETTLE_MS);
    }
    expect(told).toMatch(/^UNREADABLE .*keeps changing.*atomically/);
    expect(await timing.settling(reader.state())).toEqual({ a: '1' });
  });

  it('what its neighbours in the folder do does not keep it from rest', async () => {
    const path = document('a: 1\n');
    const timing = new HandTiming();
    const reader = new Reader(open(path, timing));
    await timing.settling(reader.state());
    let state: unknown;
    const done = reader.state().then((next) => {
      state = next;
    });
    await timing.waiting(POLL_MS);
    replace(path, 'a: 2\n');
    while (state === undefined) {
      await Promise.race([timing.waiting(SETTLE_MS), done]);
      appendFileSync(`${path}.log`, 'noise');
      timing.fire(SETTLE_MS);
    }
    expect(state).toEqual({ a: '2' });
  });

  it('where the system tells of nothing, a look is compared with the one before', async () => {
    const path = document('a: 1\n');
    const timing = new HandTiming();
    const deaf = { ...singleRead(new AbortController().signal), timing };
    const read = readSettled(path, deaf, (look) => contentOf(path, look));
    await timing.waiting(SETTLE_MS);
    truncateSync(path);
    appendFileSync(path, 'a: 2\n');
    timing.fire(SETTLE_MS);
    // It has to rest anew.
    await timing.waiting(SETTLE_MS);
    appendFileSync(path, 'b: 2\n');
    const { result } = await timing.settling(read);
    expect(Object.keys(texts(entriesOf(result as Map<string, Uint8Array>, { prefix: '' })))).toEqual(['a', 'b']);
  });
});

describe('the end of a watch', () => {
  it('S62 abort while it waits settles at once and leaves nothing', async () => {
    const path = document('a: 1\n');
    const timing = new HandTiming();
    const before = systemWatches();
    const reader = new Reader(open(path, timing));
    await timing.settling(reader.state());
    const next = reader.iterator.next();
    await timing.waiting(POLL_MS);
    expect(systemWatches()).toBeGreaterThan(before);
    reader.abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(systemWatches()).toBe(before);
    expect(timing.pending).toBe(0);
    expect(getEventListeners(reader.abort.signal, 'abort')).toEqual([]);
    expect(await reader.iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('S62 abort before the first update, while it settles, and between updates', async () => {
    const path = document('a: 1\n');
    const before = systemWatches();

    const early = new Reader(open(path));
    early.abort.abort();
    expect(await early.iterator.next()).toEqual({ done: true, value: undefined });

    const timing = new HandTiming();
    const settling = new Reader(open(path, timing));
    const next = settling.iterator.next();
    await timing.waiting(SETTLE_MS);
    settling.abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(timing.pending).toBe(0);

    const between = new Reader(open(path));
    await between.state();
    between.abort.abort();
    expect(systemWatches()).toBe(before);
    expect(getEventListeners(between.abort.signal, 'abort')).toEqual([]);
    expect(await between.iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('S62 a signal that was aborted before', async () => {
    const source = open(document('a: 1\n'));
    const iterator = source.watch({ prefix: '' }, { signal: AbortSignal.abort() })[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('disposing of the source ends all its watches', async () => {
    const path = document('a: 1\n');
    const source = open(path);
    const readers = [new Reader(source), new Reader(source, { prefix: 'a', exact: true })];
    for (const reader of readers) await reader.state();
    const ends = readers.map((reader) => reader.iterator.next());
    await source[Symbol.asyncDispose]();
    for (const end of ends) expect(await end).toEqual({ done: true, value: undefined });
  });
});

describe('a single read', () => {
  const { signal } = new AbortController();

  it('answers with the whole state', async () => {
    const source = open(document('a/x: 1\nb: 2\n'));
    const answer = await source.read?.({ prefix: 'a/' }, { signal });
    expect(texts(answer?.entries ?? [])).toEqual({ x: '1' });
  });

  it('S01 fails rather than answer with an empty list', async () => {
    await expect(open(document('')).read?.({ prefix: '' }, { signal })).rejects.toMatchObject({ code: 'UNREADABLE' });
    await expect(open('/nowhere/x.yaml').read?.({ prefix: '' }, { signal })).rejects.toMatchObject({
      code: 'UNREADABLE',
    });
  });

  it('rejects with the reason of the abort', async () => {
    const abort = new AbortController();
    const answer = open(document('a: 1\n')).read?.({ prefix: '' }, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
  });
});

/** How many folders this process watches: the watch descriptors of its inotify instances (proc(5)); 0 where there is none. */
function systemWatches(): number {
  if (!existsSync('/proc/self/fdinfo')) return 0;
  let count = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      count += readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify /gm)?.length ?? 0;
    } catch {
      // The descriptor of the listing itself is closed again.
    }
  }
  return count;
}
