import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CheckpointFile } from '../../src/checkpoint/file.js';
import type { Checkpoint } from '../../src/checkpoint/format.js';
import type { Entry } from '../../src/index.js';

const location = { cluster: 'scripted:c', target: { prefix: 'a/' } };
const never = new AbortController().signal;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-checkpoint-'));
  path = join(folder, 'orders.checkpoint');
});
afterEach(() => rm(folder, { recursive: true }));

/** Every entry says which checkpoint it is of. */
function checkpoint(which: string, keys = 3): Checkpoint {
  const entries = Array.from({ length: keys }, (_, i): [string, Entry] => [`key-${i}`, { value: Buffer.from(which) }]);
  return { revision: which, provenAt: 1_700_000_000_000, entries };
}

/** Which checkpoint was read, proven to be whole. */
async function readWhich(keys = 3): Promise<string> {
  const { revision, entries } = (await new CheckpointFile(path, location).read()) ?? { revision: 'none', entries: [] };
  const values = [...entries].map(([, { value }]) => Buffer.from(value).toString());
  expect(values).toEqual(new Array(keys).fill(revision));
  return revision;
}

test('what was written is read, by the owner alone, and nothing else is left', async () => {
  const file = new CheckpointFile(path, location);
  expect(await file.read()).toBeUndefined();
  await file.write(checkpoint('1'), never);
  await file.write(checkpoint('2'), never);
  expect(await readWhich()).toBe('2');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['orders.checkpoint']);
});

test('S68 several that write at once: the last rename wins, and no reader ever sees a mixture', async () => {
  const keys = 2000;
  await new CheckpointFile(path, location).write(checkpoint('0', keys), never);
  let writing = 4;
  const writers = Array.from({ length: writing }, async (_, writer) => {
    const file = new CheckpointFile(path, location);
    for (let i = 0; i < 5; i++) await file.write(checkpoint(`${writer}${i}`, keys), never);
    writing--;
  });
  const seen = new Set<string>();
  while (writing > 0) seen.add(await readWhich(keys));
  await Promise.all(writers);
  expect(await readWhich(keys)).toMatch(/^\d4$/);
  expect(seen.size).toBeGreaterThan(1);
  expect(await readdir(folder)).toEqual(['orders.checkpoint']);
});

test('S68 a missing folder, or one that is a file, is said with its reason', async () => {
  const file = new CheckpointFile(join(folder, 'missing', 'x'), location);
  expect(await file.read()).toBeUndefined();
  await expect(file.write(checkpoint('1'), never)).rejects.toThrow(
    /^cannot be written \(ENOENT: no such file or directory\)$/,
  );
  await writeFile(join(folder, 'missing'), '');
  await expect(file.read()).rejects.toThrow(/^cannot be read \(ENOTDIR: not a directory\)$/);
  await expect(file.write(checkpoint('1'), never)).rejects.toThrow(/^cannot be written \(ENOTDIR: /);
});

test('a write that fails at its end leaves nothing behind', async () => {
  await mkdir(join(path, 'full'), { recursive: true });
  const file = new CheckpointFile(path, location);
  await expect(file.write(checkpoint('1'), never)).rejects.toThrow(/^cannot be written \(it is no regular file/);
  expect(await readdir(folder)).toEqual(['orders.checkpoint']);
});

test('an abandoned write leaves the old file as it was, and nothing else', async () => {
  const file = new CheckpointFile(path, location);
  await file.write(checkpoint('1'), never);
  const abandon = new AbortController();
  const entries = function* (): Generator<[string, Entry]> {
    for (let i = 0; i < 10_000; i++) {
      if (i === 5000) abandon.abort();
      yield [`key-${i}`, { value: Buffer.alloc(100) }];
    }
  };
  const writing = file.write({ revision: '2', provenAt: 0, entries: entries() }, abandon.signal);
  await expect(writing.catch((error: unknown) => error === abandon.signal.reason)).resolves.toBe(true);
  expect(await readWhich()).toBe('1');
  expect(await readdir(folder)).toEqual(['orders.checkpoint']);
});

test('a file that is no checkpoint is not overwritten, because its path may be a mistake', async () => {
  await writeFile(path, 'watches:\n  orders:\n');
  const file = new CheckpointFile(path, location);
  await expect(file.read()).rejects.toThrow(/^is no checkpoint of Rollcall$/);
  await expect(file.write(checkpoint('1'), never)).rejects.toThrow(/^is another kind of file and is not written to$/);
  expect(await readFile(path, 'utf8')).toBe('watches:\n  orders:\n');
});

test.each<[string, (whole: Buffer) => Buffer]>([
  ['an empty file', () => Buffer.of()],
  ['a truncated one', (whole) => whole.subarray(0, -10)],
  ['one of a later version', () => Buffer.from('{"rollcallCheckpoint":2}\n')],
])('%s is overwritten', async (_, damage) => {
  const file = new CheckpointFile(path, location);
  await file.write(checkpoint('1'), never);
  await writeFile(path, damage(await readFile(path)));
  await expect(file.read()).rejects.toThrow(/^(is|was) /);
  await file.write(checkpoint('2'), never);
  expect(await readWhich()).toBe('2');
});

test('what a killed process left behind is removed after a while; what another is writing now is not', async () => {
  const uuid = '0b2d1b9e-0000-4000-8000-00000000000';
  const names = [`${uuid}1.tmp`, `${uuid}2.tmp`].map((end) => `orders.checkpoint.${end}`);
  const others = [`payments.checkpoint.${uuid}3.tmp`, 'orders.checkpoint.bak'];
  for (const name of [...names, ...others]) await writeFile(join(folder, name), 'x');
  const anHourAgo = new Date(Date.now() - 3_600_000);
  for (const name of [names[0] ?? '', ...others]) await utimes(join(folder, name), anHourAgo, anHourAgo);
  await new CheckpointFile(path, location).tidy();
  expect((await readdir(folder)).sort()).toEqual([names[1], ...others].sort());
});

test('notes are read from the beginning alone, and those of another place are none', async () => {
  const file = new CheckpointFile(path, location);
  expect(await file.notes()).toEqual({});
  await file.write({ ...checkpoint('1'), notes: { 'kafka.clusterId': 'one' } }, never);
  expect(await file.notes()).toEqual({ 'kafka.clusterId': 'one' });
  expect((await file.read())?.notes).toEqual({ 'kafka.clusterId': 'one' });
  const elsewhere = new CheckpointFile(path, { ...location, cluster: 'other' });
  expect(await elsewhere.notes()).toEqual({});
  await writeFile(path, 'not a header\n');
  expect(await file.notes()).toEqual({});
});
