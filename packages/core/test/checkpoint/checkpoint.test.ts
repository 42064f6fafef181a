import { execFileSync } from 'node:child_process';
import { on } from 'node:events';
import { watch } from 'node:fs';
import promises, { mkdtemp, open as openFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Batch,
  createRegistry,
  type Registry,
  type Status,
  systemTiming,
  type Timing,
  WatchError,
  type Watcher,
} from '../../src/index.js';
import { ManualTiming, settle } from '../manualTiming.js';
import { put, ScriptedSource, scriptedAdapter, snapshot } from '../scriptedSource.js';

/** A tool of every POSIX system. */
const PIPE_MAKER = 'mkfifo';

const away = new WatchError('UNREACHABLE', 'nobody there');

let folder: string;
let path: string;
const open: Registry[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-checkpoint-'));
  path = join(folder, 'orders.checkpoint');
});
afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
  await rm(folder, { recursive: true });
});

/** A process of its own, as far as the registry can tell. */
function start({ timing = new ManualTiming() as Timing } = {}) {
  const sources = new Map<string, ScriptedSource>();
  const source = (cluster = 'c'): ScriptedSource => {
    const known = sources.get(cluster) ?? new ScriptedSource();
    sources.set(cluster, known);
    return known;
  };
  const logs: string[] = [];
  const keep = (_: object, message: string): void => void logs.push(message);
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  const registry = createRegistry({ adapters: [scriptedAdapter(source)], timing, logger });
  open.push(registry);
  return { registry, source, timing, logs };
}

function startManual() {
  const timing = new ManualTiming();
  return { ...start({ timing }), timing };
}

/** Leaves the checkpoint of an earlier process. */
async function leaveCheckpoint(
  url = 'scripted:c/',
  revision = '9',
  entries: Record<string, string> = { a: '1@2', b: '2@3' },
) {
  const { registry, source } = startManual();
  const watcher = registry.watch(url, { checkpoint: path });
  (await source(url.slice('scripted:'.length).split('/')[0]).next()).play(snapshot(revision, entries));
  await watcher.ready();
  await registry.close();
}

/** Waits for a status; the disk is no matter of a clock that stands. */
function status(watcher: Watcher, is: (status: Status) => boolean): Promise<Status> {
  return new Promise((resolve) => {
    const stop = watcher.onStatus((each) => look(each));
    const look = (each: Status): void => {
      if (!is(each)) return;
      stop();
      resolve(each);
    };
    look(watcher.status);
  });
}

/** Makes something happen, and waits until the file has this text. */
async function onDisk(text: string, happen: () => Promise<void>): Promise<void> {
  const watching = watch(folder);
  const changes = on(watching, 'change');
  await happen();
  while (!(await readFile(path, 'utf8').catch(() => '')).includes(text)) await changes.next();
  watching.close();
}

async function nextBatch(batches: AsyncIterator<Batch>): Promise<Batch> {
  const { done, value } = await batches.next();
  if (done) throw new Error('the reader ended');
  return value;
}

const content = (watcher: Watcher): Record<string, string> =>
  Object.fromEntries([...(watcher.snapshot?.entries ?? [])].map(([k, e]) => [k, Buffer.from(e.value).toString()]));

test('S68 with the backend away a watch begins with the last good state, stale and with its age', async () => {
  await leaveCheckpoint();
  const { registry, source, timing } = startManual();
  timing.jumpWallClock(3_600_000);
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const batches = watcher.batches();
  const fresh = watcher.ready({ fresh: true });
  (await source().next()).play(away);
  const first = await watcher.ready();
  expect(content(watcher)).toEqual({ a: '1', b: '2' });
  expect([...first.entries].map(([, { revision, createRevision }]) => [revision, createRevision])).toEqual([
    ['2', '2'],
    ['3', '3'],
  ]);
  expect(first.revision).toBe('9');
  expect(await nextBatch(batches)).toMatchObject({ cause: 'initial', changes: [{ key: 'a' }, { key: 'b' }] });
  const stale = await status(watcher, ({ state, ...rest }) => state === 'stale' && 'retryAt' in rest);
  expect(stale).toMatchObject({ code: 'UNREACHABLE', since: timing.wallNow() - 3_600_000, attempt: 1 });
  expect(await Promise.race([fresh, settle().then(() => 'not fresh')])).toBe('not fresh');

  await timing.advance(125);
  const attempt = await source().next();
  expect(attempt.from, 'a checkpoint never resumes').toBeUndefined();
  attempt.play(snapshot('4', { a: '1@2', c: '3@4' }));
  const batch = await nextBatch(batches);
  expect(batch).toMatchObject({
    cause: 'resync',
    coalesced: false,
    changes: [
      { type: 'delete', key: 'b', synthetic: true, previous: { revision: '3' } },
      { type: 'put', key: 'c' },
    ],
  });
  expect(batch.snapshot.epoch).not.toBe(first.epoch);
  expect((await fresh).revision).toBe('4');
});

test('the same content under other revisions is no change: across histories bytes decide', async () => {
  await leaveCheckpoint();
  const { registry, source } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const attempt = await source().next();
  attempt.play({ type: 'trouble', error: away });
  await watcher.ready();
  attempt.play(snapshot('70', { a: '1@60', b: '2@61' }));
  await watcher.ready({ fresh: true });
  expect(watcher.version).toBe(1);
  expect(watcher.snapshot?.revision).toBe('70');
});

test('other content under the same revision is a change', async () => {
  await leaveCheckpoint();
  const { registry, source } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const batches = watcher.batches();
  const attempt = await source().next();
  attempt.play({ type: 'trouble', error: away });
  await nextBatch(batches);
  attempt.play(snapshot('9', { a: '1@2', b: 'other@3' }));
  expect((await nextBatch(batches)).changes).toMatchObject([{ type: 'put', key: 'b' }]);
});

test('a backend that answers is not anticipated: the checkpoint is not even read', async () => {
  await leaveCheckpoint();
  await writeFile(path, '{"rollcallCheckpoint":1}');
  const { registry, source, timing, logs } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const batches = watcher.batches();
  await timing.advance(900);
  (await source().next()).play(snapshot('12', { z: '1' }));
  expect(await nextBatch(batches)).toMatchObject({ cause: 'initial', snapshot: { epoch: 1, revision: '12' } });
  await timing.advance(100_000);
  expect(watcher.version).toBe(1);
  expect(logs).toEqual([]);
});

test('a backend that says nothing has a head start of 1 s', async () => {
  await leaveCheckpoint();
  const { registry, source, timing } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const attempt = await source().next();
  await timing.advance(999);
  expect(watcher.status).toEqual({ state: 'connecting', attempt: 0 });
  await timing.advance(1);
  await watcher.ready();
  expect(watcher.status).toMatchObject({ state: 'stale', code: 'NOT_CURRENT', attempt: 0 });
  attempt.play(snapshot('12', { a: '1', b: '2' }));
  await watcher.ready({ fresh: true });
  expect(source().attempts).toHaveLength(1);
});

test('what a watch must not say before its snapshot it must not say after a checkpoint either', async () => {
  await leaveCheckpoint();
  const { registry, source, timing } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const attempt = await source().next();
  await timing.advance(1000);
  await watcher.ready();
  attempt.play({ type: 'bookmark', revision: '10' });
  expect(await status(watcher, (each) => 'error' in each && each.error?.code === 'BAD_RESPONSE')).toBeDefined();
});

test('S50 with a checkpoint a wrong password does not end the watch: it is stale, and asks at the cap', async () => {
  await leaveCheckpoint();
  const { registry, source, timing } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  (await source().next()).play(new WatchError('UNAUTHENTICATED', 'wrong password'));
  const stale = await status(watcher, (each) => each.state === 'stale' && each.retryAt !== undefined);
  expect(stale).toMatchObject({ code: 'UNAUTHENTICATED', retryAt: timing.wallNow() + 15_000 });
  expect(content(watcher)).toEqual({ a: '1', b: '2' });
  await timing.advance(15_000);
  (await source().next()).play(snapshot('9', { a: '1' }));
  await watcher.ready({ fresh: true });
});

test('S50 the verdict waits for a slow disk', async () => {
  await leaveCheckpoint();
  const read = promises.readFile;
  let spin = (): void => {};
  const slow = new Promise<void>((resolve) => {
    spin = resolve;
  });
  promises.readFile = (async (...args: Parameters<typeof read>) => {
    await slow;
    return read(...args);
  }) as typeof read;
  syncBuiltinESMExports();
  try {
    const { registry, source, timing } = startManual();
    const watcher = registry.watch('scripted:c/', { checkpoint: path });
    (await source().next()).play(new WatchError('UNAUTHENTICATED', 'wrong password'));
    await timing.advance(20_000);
    expect(watcher.status.state).toBe('connecting');
    spin();
    await watcher.ready();
    expect(content(watcher)).toEqual({ a: '1', b: '2' });
  } finally {
    promises.readFile = read;
    syncBuiltinESMExports();
  }
});

test('a checkpoint that is a pipe is refused, and holds nothing up', async () => {
  execFileSync(PIPE_MAKER, [path]);
  const { registry, source, timing, logs } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  (await source().next()).play(snapshot('9', { a: '1' }));
  await watcher.ready();
  await timing.advance(10_000);
  await expect.poll(() => logs.join()).toContain('it is no regular file');
  await registry.close();
});

test('without one, or with one that cannot be used, it does', async () => {
  await leaveCheckpoint('scripted:other/');
  const { registry, source, logs } = startManual();
  const error = new WatchError('UNAUTHENTICATED', 'wrong password');
  for (const checkpoint of [path, join(folder, 'none')]) {
    const watcher = registry.watch('scripted:c/', { checkpoint });
    (await source().next()).play(error);
    await expect(watcher.ready()).rejects.toBe(error);
    expect(watcher.status.state).toBe('failed');
  }
  expect(logs).toEqual([`The checkpoint ${path} belongs to another place (other, ["",false,[]]): it is ignored.`]);
});

test('a crash leaves the state of at most 5 s before', async () => {
  const { registry, source, timing } = startManual();
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  const attempt = await source().next();
  attempt.play(snapshot('1', { a: 'first' }));
  await watcher.ready();
  await onDisk('"revision":"1"', () => timing.advance(0));
  attempt.play({ type: 'delta', revision: '2', events: [put('a', 'second', '2')] });
  await settle();
  await onDisk('"revision":"2"', () => timing.advance(5000));
  // Nothing was closed: what is on the disk now is what the next process finds.
  const next = startManual();
  const again = next.registry.watch('scripted:c/', { checkpoint: path });
  (await next.source().next()).play(away);
  await again.ready();
  expect(content(again)).toEqual({ a: 'second' });
});

test('a clock that was set back makes no age of the future', async () => {
  await leaveCheckpoint();
  const { registry, source, timing } = startManual();
  timing.jumpWallClock(-3_600_000);
  const watcher = registry.watch('scripted:c/', { checkpoint: path });
  (await source().next()).play(away);
  await watcher.ready();
  expect(watcher.status).toMatchObject({ state: 'stale', since: timing.wallNow() });
});

test('S55 no credential is in the file', async () => {
  const { registry, source } = startManual();
  const secrets = { username: 'app', password: 'hunter2', token: 'sesame', tls: { key: 'PRIVATE', cert: 'CERT' } };
  const watcher = registry.watch('scripted:c/', { checkpoint: path, ...secrets });
  (await source().next()).play(snapshot('1', { a: '1' }));
  await watcher.ready();
  await registry.close();
  expect(await readFile(path, 'utf8')).not.toMatch(/app|hunter2|sesame|PRIVATE|CERT/);
});

test('watches with one target and other files are their own; a path is the same however it is written', async () => {
  const { registry, source } = startManual();
  const written = [path, relative(process.cwd(), path), join(folder, 'b'), undefined];
  for (const checkpoint of written) registry.watch('scripted:c/', checkpoint === undefined ? {} : { checkpoint });
  await settle();
  expect(source().attempts).toHaveLength(3);
  expect(() => registry.watch('scripted:c/', { checkpoint: '' })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  );
});

test('a watch since a revision neither reads nor writes one', async () => {
  await leaveCheckpoint();
  const before = await readFile(path);
  const { registry, source } = startManual();
  source().supports.history = true;
  Object.assign(source(), { read: async () => snapshot('5', { a: 'past' }) });
  const watcher = registry.watch('scripted:c/', { checkpoint: path, since: '5' });
  (await source().next()).play({ type: 'bookmark', revision: '9' });
  await watcher.ready({ fresh: true });
  expect(content(watcher)).toEqual({ a: 'past' });
  await registry.close();
  expect(await readFile(path)).toEqual(before);
});

test('S66 after a swap the file is the new backend’s, also if the old watch is closed later', async () => {
  const { registry, source } = startManual();
  const watcher = registry.watch('scripted:old/', { checkpoint: path });
  (await source('old').next()).play(snapshot('5', { a: 'old' }));
  await watcher.ready();
  const swapping = watcher.swap('scripted:new/', { checkpoint: path });
  (await source('new').next()).play(snapshot('1', { a: 'new' }));
  await swapping;
  await registry.close();
  const next = startManual();
  const again = next.registry.watch('scripted:new/', { checkpoint: path });
  (await next.source('new').next()).play(away);
  await again.ready();
  expect(content(again)).toEqual({ a: 'new' });
});

test('S66 a swap waits for an answer, not for a checkpoint, and a fatal error ends it', async () => {
  await leaveCheckpoint('scripted:new/');
  const { registry, source } = startManual();
  const watcher = registry.watch('scripted:old/');
  (await source('old').next()).play(snapshot('5', { a: 'old' }));
  await watcher.ready();
  const swapping = watcher.swap('scripted:new/', { checkpoint: path });
  (await source('new').next()).play(new WatchError('UNAUTHENTICATED', 'wrong password'));
  await expect(swapping).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(content(watcher)).toEqual({ a: 'old' });
  expect(watcher.status.state).toBe('live');
});

test('S68 a folder that is not there is warned of, and written to once it is', async () => {
  const { registry, source, timing, logs } = startManual();
  const missing = join(folder, 'later', 'x');
  const watcher = registry.watch('scripted:c/', { checkpoint: missing });
  (await source().next()).play(snapshot('1', { a: '1' }));
  await watcher.ready();
  await timing.advance(0);
  await registry.close();
  expect(logs).toEqual([
    `The checkpoint ${missing} cannot be written (ENOENT: no such file or directory): the watch goes on without it.`,
  ]);
  expect(await readdir(folder)).toEqual([]);
});

test('S62 a disk that hangs delays neither the watch nor its close', async () => {
  // Opening a pipe that nobody writes to hangs, as a dead network disk does.
  execFileSync(PIPE_MAKER, [path]);
  try {
    const { registry, source } = start({ timing: systemTiming });
    const failing = registry.watch('scripted:hanging/', { checkpoint: path });
    (await source('hanging').next()).play(away);
    const watcher = registry.watch('scripted:c/', { checkpoint: path });
    (await source().next()).play(snapshot('1', { a: '1' }));
    await watcher.ready({ fresh: true });
    const before = performance.now();
    await Promise.all([failing.close(), registry.close()]);
    expect(performance.now() - before).toBeLessThan(1000);
  } finally {
    // Lets the calls that hang go.
    await (await openFile(path, 'r+')).close();
  }
});
