import { expect, it } from 'vitest';
import { tail } from '../src/commands/tail.js';
import { OpenSession } from './openSession.js';

it('S60 a slow pipe gets one line for what changed meanwhile, marked coalesced', async () => {
  await using open = new OpenSession();
  const { put, delete: remove } = open.writer('memory:a');
  // More than the pipe takes at once.
  await put('big', Buffer.from('x'.repeat(100_000)));
  await put('k', Buffer.from('0'));
  await put('gone', Buffer.from('0'));

  const running = tail(open.session, ['memory:a'], {});
  await expect.poll(() => open.stdout.writableNeedDrain).toBe(true);

  // The same watch as tail's: what one reader sees, the other could have seen.
  const fast = open.rollcall.watch('memory:a').batches();
  for (const value of ['1', '2', '3']) await put('k', Buffer.from(value));
  await remove('gone');
  for await (const { snapshot } of fast) if (!snapshot.entries.has('gone')) break;

  const lines = await open.until(({ type }) => type === 'delete');
  expect(lines.filter(({ key }) => key === 'k' || key === 'gone').slice(2)).toEqual([
    { type: 'put', key: 'k', value: '3', previous: '0', revision: '6', coalesced: true },
    { type: 'delete', key: 'gone', revision: '7', coalesced: true },
  ]);
  open.stop();
  await running;
});

it('S60 with --since a slow pipe is waited for in memory: each change was asked for', async () => {
  await using open = new OpenSession();
  const { put } = open.writer('memory:a');
  await put('k', Buffer.from('0'));
  const text = 'x'.repeat(1000);
  for (let each = 1; each <= 100; each++) await put('k', Buffer.from(`${each} ${text}`));
  const running = tail(open.session, ['memory:a'], { since: '1' });
  // Nobody reads yet, and all of it is more than the pipe takes at once.
  await expect.poll(() => open.stdout.writableLength + open.stdout.readableLength).toBeGreaterThan(200_000);
  const lines = await open.until(({ revision }) => revision === '101');
  expect(lines.filter(({ type }) => type === 'put').map(({ revision }) => revision)).toEqual(
    Array.from({ length: 100 }, (_, index) => `${index + 2}`),
  );
  expect(lines.some(({ coalesced }) => coalesced === true)).toBe(false);
  open.stop();
  await running;
});
