import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { livingOwner, withLock } from '../../servers/lock.mjs';
import { identityOf } from '../../servers/process-identity.mjs';
import { temporaryRoot } from '../support/reaper.js';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(temporaryRoot(), 'lock-')), 'lock');
});

const lockOf = (pid: number, identity: string | undefined) =>
  writeFile(path, JSON.stringify({ pid, identity, id: 'x' }));

test('one works at a time, and the lock is gone afterwards', async () => {
  let inside = 0;
  const work = async () => {
    inside++;
    expect(inside).toBe(1);
    await nextTurn();
    inside--;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(path, work)));
  expect(existsSync(path)).toBe(false);
});

test('who waits is told the owner', async () => {
  const told: number[] = [];
  let release = () => {};
  const held = withLock(path, () => new Promise<void>((resolve) => (release = resolve)));
  await expect.poll(() => livingOwner(path)).toBe(process.pid);
  const waiting = withLock(path, async () => 'done', {
    onWait: (pid) => {
      told.push(pid);
      release();
    },
  });
  expect(await waiting).toBe('done');
  await held;
  expect(told).toEqual([process.pid]);
});

test('a wait ends when it is aborted', async () => {
  await withLock(path, async () => {
    const aborted = new AbortController();
    const waiting = withLock(path, async () => 'done', { signal: aborted.signal, onWait: () => aborted.abort() });
    await expect(waiting).rejects.toThrow('aborted');
  });
});

test('the lock of a process that was killed does not block', async () => {
  const child = spawn('sleep', ['60']);
  const { pid = 0 } = child;
  await lockOf(pid, identityOf(pid));
  expect(await livingOwner(path)).toBe(pid);
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(await withLock(path, async () => 'done')).toBe('done');
});

test("nor does the lock of an earlier process with a living process's id", async () => {
  await lockOf(process.pid, 'another boot/1');
  expect(await withLock(path, async () => 'done')).toBe('done');
});

test('nor does a file that is no lock', async () => {
  await writeFile(path, '');
  expect(await withLock(path, async () => 'done')).toBe('done');
});

test('a failure passes through and frees the lock', async () => {
  const failing = withLock(path, async () => {
    throw new Error('no space');
  });
  await expect(failing).rejects.toThrow('no space');
  expect(existsSync(path)).toBe(false);
});
