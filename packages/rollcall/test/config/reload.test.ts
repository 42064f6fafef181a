import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch, Logger, Watcher } from '@rollcall/core';
import { createMemoryAdapter } from '@rollcall/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRollcall } from '../../src/index.js';

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

test('a checkpoint that is added, renamed and taken out loses nothing, and each file holds its state', async () => {
  const withLine = (line: string): string => `watches:\n  orders:\n    source: memory:one#a/\n${line}`;
  await edit(withLine(''));
  const { memory, rollcall, logged, lines } = setUp();
  const store = memory.store('one');
  store.put('a/k', '0');
  const orders = rollcall.watch('orders');
  const batches = orders.batches();
  await nextBatch(batches);
  const edits = ['    checkpoint: first\n', '    checkpoint: second\n', ''];
  for (const [i, line] of edits.entries()) {
    lines.length = 0;
    await edit(withLine(line));
    store.put('a/k', `${i + 1}`);
    expect(await nextBatch(batches)).toMatchObject({ changes: [{ key: 'k' }] });
    expect(content(orders)).toEqual({ k: `${i + 1}` });
    await logged('has moved');
  }
  expect(orders.version).toBe(4);
  await rollcall.close();
  for (const [file, value] of [
    ['first', '2'],
    ['second', '3'],
  ] as const) {
    const next = createMemoryAdapter();
    next.store('one').outage();
    await using later = createRollcall({ adapters: [next], env: {} });
    const watcher = later.watch('memory:one#a/', { checkpoint: join(folder, file) });
    await watcher.ready();
    expect(content(watcher)).toEqual({ k: value });
  }
});

test('S68 a name with a checkpoint starts while its backend is away, and follows it when it is back', async () => {
  await edit('watches:\n  orders:\n    source: memory:one#a/\n    checkpoint: ./orders.checkpoint\n');
  const before = setUp();
  before.memory.store('one').put('a/gone', '1');
  before.memory.store('one').put('a/same', '1');
  await before.rollcall.watch('orders').ready();
  await before.rollcall.close();

  const { memory, rollcall } = setUp();
  await using _ = rollcall;
  memory.store('one').put('a/same', '1');
  const restore = memory.store('one').outage();
  const orders = rollcall.watch('orders');
  const batches = orders.batches();
  expect(await nextBatch(batches)).toMatchObject({ cause: 'initial', changes: [{ key: 'gone' }, { key: 'same' }] });
  expect(orders.status.state).toBe('stale');
  restore();
  expect(await nextBatch(batches)).toMatchObject({ cause: 'resync', changes: [{ type: 'delete', key: 'gone' }] });
});

test('a revision to begin with is of the first backend: a move begins at the present of the next', async () => {
  await edit('watches:\n  orders:\n    source: memory:one\n');
  const { memory, rollcall } = setUp();
  await using _ = rollcall;
  for (const value of ['1', '2', '3']) memory.store('one').put('k', value);
  memory.store('two').put('k', 'other');
  const batches = rollcall.watch('orders', { since: '2' }).batches();
  expect(await nextBatch(batches)).toMatchObject({ cause: 'initial', snapshot: { revision: '2' } });
  expect(await nextBatch(batches)).toMatchObject({ cause: 'delta', snapshot: { revision: '3' } });
  await edit('watches:\n  orders:\n    source: memory:two\n');
  expect(await nextBatch(batches)).toMatchObject({ cause: 'swap', snapshot: { revision: '1' } });
});
