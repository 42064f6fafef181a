import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch, Logger, Watcher } from '@rollcall/core';
import { createMemoryAdapter } from '@rollcall/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRollcall } from '../src/index.js';

let folder: string;
let config: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-reload-'));
  config = join(folder, 'rollcall.yaml');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function setUp() {
  const memory = createMemoryAdapter();
  const waiting: { part: string; resolve(line: string): void }[] = [];
  const lines: string[] = [];
  const log = (_: object, message: string): void => {
    lines.push(message);
    for (const one of waiting.filter(({ part }) => message.includes(part))) one.resolve(message);
  };
  const logger: Logger = { debug: () => {}, info: log, warn: log, error: log };
  const logged = (part: string): Promise<string> => {
    const already = lines.find((line) => line.includes(part));
    return already ? Promise.resolve(already) : new Promise((resolve) => waiting.push({ part, resolve }));
  };
  const rollcall = createRollcall({ config, adapters: [memory], logger, env: {} });
  return { memory, rollcall, logged, lines };
}

/** As an editor does it: the whole file at once. */
async function edit(text: string): Promise<void> {
  await writeFile(`${config}.new`, text);
  await rename(`${config}.new`, config);
}

const content = (watcher: Watcher): Record<string, string> =>
  Object.fromEntries([...(watcher.snapshot?.entries ?? [])].map(([key, { value }]) => [key, `${Buffer.from(value)}`]));

async function nextBatch(batches: AsyncIterator<Batch>): Promise<Batch> {
  const { value, done } = await batches.next();
  if (done) throw new Error('the reader ended');
  return value;
}

test('S66 an edit of the source line moves the running watch; readers see exactly the difference', async () => {
  await edit('watches:\n  orders:\n    source: memory:one#/a/\n  others:\n    source: memory:one#/a/\n');
  const { memory, rollcall, logged } = setUp();
  await using _ = rollcall;
  const [one, two] = [memory.store('one'), memory.store('two')];
  for (const [key, value] of [
    ['/a/same', '1'],
    ['/a/gone', '2'],
  ] as const)
    one.put(key, Buffer.from(value));
  for (const [key, value] of [
    ['b/same', '1'],
    ['b/new', '3'],
  ] as const)
    two.put(key, Buffer.from(value));
  const orders = rollcall.watch('orders');
  const others = rollcall.watch('others');
  const batches = orders.batches();
  await nextBatch(batches);
  await edit('watches:\n  orders:\n    source: memory:two#b/\n  others:\n    source: memory:one#/a/\n');
  const batch = await nextBatch(batches);
  expect(batch.cause).toBe('swap');
  expect(batch.changes.map(({ type, key }) => `${type} ${key}`).sort()).toEqual(['delete gone', 'put new']);
  expect(content(others)).toEqual({ same: '1', gone: '2' });
  expect(await logged('has moved')).toContain('"orders"');
});

test('a bad edit is refused with its line, and the old configuration stays', async () => {
  await edit('watches:\n  orders:\n    source: memory:one\n');
  const { memory, rollcall, logged } = setUp();
  await using _ = rollcall;
  memory.store('one').put('k', Buffer.from('v'));
  const orders = rollcall.watch('orders');
  await orders.ready();
  await edit('watches:\n  orders:\n    source: memory:two\n    sauce: x\n');
  expect(await logged('sauce')).toContain(`${config}:4: watches.orders.sauce is not a known key`);
  await edit('watches:\n  orders:\n    source: redis://h/x/\n');
  expect(await logged('redis')).toContain(`${config}:3: watches.orders.source cannot be used: "redis://h/x/" names no`);
  await edit('watches:\n  orders: [\n');
  expect(await logged('this is not YAML')).toMatch(/rollcall\.yaml:\d+:\d+: .* The old configuration stays in force\./);
  expect(content(orders)).toEqual({ k: 'v' });
  expect(content(rollcall.watch('orders'))).toEqual({ k: 'v' });
  expect(() => rollcall.reload()).toThrow(/this is not YAML/);
});

test('a backend that does not answer keeps the watch where it is, and a later edit takes its place', async () => {
  await edit('watches:\n  orders:\n    source: memory:one\n');
  const { memory, rollcall, logged } = setUp();
  await using _ = rollcall;
  memory.store('one').put('k', Buffer.from('1'));
  const orders = rollcall.watch('orders');
  await orders.ready();
  // Nobody listens there.
  await edit('watches:\n  orders:\n    source: etcd://127.0.0.1:1/\n');
  await logged('Cannot connect to etcd at 127.0.0.1:1');
  expect(content(orders)).toEqual({ k: '1' });
  expect(orders.status.state).toBe('live');
  memory.store('two').put('k', Buffer.from('2'));
  const batches = orders.batches();
  await nextBatch(batches);
  await edit('watches:\n  orders:\n    source: memory:two\n');
  expect((await nextBatch(batches)).cause).toBe('swap');
  expect(content(orders)).toEqual({ k: '2' });
});

test('a name that is taken out of the configuration leaves its open watch alone', async () => {
  await edit('watches:\n  orders:\n    source: memory:one\n');
  const { memory, rollcall, logged } = setUp();
  await using _ = rollcall;
  memory.store('one').put('k', Buffer.from('1'));
  const orders = rollcall.watch('orders');
  await orders.ready();
  await edit('watches:\n  other:\n    source: memory:one\n');
  await logged('"orders" is no longer in the configuration');
  expect(content(orders)).toEqual({ k: '1' });
});
