import { PassThrough, Readable } from 'node:stream';
import { silentLogger } from '@rollcall/core';
import { createRollcall } from 'rollcall';
import { expect, it } from 'vitest';
import { tail } from '../src/commands/tail.js';
import { Output } from '../src/output.js';
import type { Session } from '../src/session.js';

it('S60 a slow pipe gets one line for what changed meanwhile, marked coalesced', async () => {
  await using rollcall = createRollcall({ env: {} });
  const { source } = rollcall.open('memory:a');
  const put = (key: string, value: string): unknown => source.write?.put(key, Buffer.from(value));
  // More than the pipe takes at once.
  await put('big', 'x'.repeat(100_000));
  await put('k', '0');
  await put('gone', '0');

  const stop = new AbortController();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const session: Session = {
    rollcall,
    out: new Output(stdout, stop.signal),
    logger: silentLogger,
    io: { stdin: Readable.from([]), stdout, stderr, env: {}, signal: stop.signal },
    json: true,
    jsonAsked: false,
    paint: (_, text) => text,
    columns: 80,
  };
  const running = tail(session, ['memory:a'], {});
  await expect.poll(() => stdout.writableNeedDrain).toBe(true);

  // The same watch as tail's: what one reader sees, the other could have seen.
  const fast = rollcall.watch('memory:a').batches();
  for (const value of ['1', '2', '3']) await put('k', value);
  await source.write?.delete('gone');
  for await (const { snapshot } of fast) if (!snapshot.entries.has('gone')) break;

  const lines: Record<string, unknown>[] = [];
  let text = '';
  for await (const data of stdout.setEncoding('utf8')) {
    text += data;
    const whole = text.split('\n');
    text = whole.pop() ?? '';
    lines.push(...whole.map((line) => JSON.parse(line) as Record<string, unknown>));
    if (lines.some(({ type }) => type === 'delete')) break;
  }
  expect(lines.filter(({ key }) => key === 'k' || key === 'gone').slice(2)).toEqual([
    expect.objectContaining({ type: 'put', key: 'k', value: '3', previous: '0', coalesced: true }),
    expect.objectContaining({ type: 'delete', key: 'gone', coalesced: true }),
  ]);
  stop.abort();
  await running;
});
