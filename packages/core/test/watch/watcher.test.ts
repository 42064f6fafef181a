import { afterEach, expect, test } from 'vitest';
import type { Update } from '../../src/adapter.js';
import { type Batch, createRegistry, type Registry, WatchError, type Watcher } from '../../src/index.js';
import { ManualTiming, settle } from '../manualTiming.js';
import { del, put, ScriptedSource, scriptedAdapter, snapshot } from '../scriptedSource.js';

const open: Registry[] = [];
afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

function setUp() {
  const sources = new Map<string, ScriptedSource>();
  const source = (cluster: string): ScriptedSource => {
    const known = sources.get(cluster) ?? new ScriptedSource();
    sources.set(cluster, known);
    return known;
  };
  const timing = new ManualTiming();
  const errors: string[] = [];
  const quiet = (): void => {};
  const logger = { debug: quiet, info: quiet, warn: quiet, error: (_: object, text: string) => void errors.push(text) };
  const registry = createRegistry({ adapters: [scriptedAdapter(source)], timing, logger });
  open.push(registry);
  return { registry, source, timing, errors };
}

const delta = (revision: number, ...events: Extract<Update, { type: 'delta' }>['events'][number][]): Update => ({
  type: 'delta',
  revision: `${revision}`,
  events,
});

async function nextBatch(batches: AsyncIterator<Batch>): Promise<Batch> {
  const { done, value } = await batches.next();
  if (done) throw new Error('the reader ended');
  return value;
}

test('S11 two watchers of one prefix share one upstream watch; closing one leaves the other', async () => {
  const { registry, source } = setUp();
  const first = registry.watch('scripted:c/a/');
  const second = registry.watch('scripted:c/a/');
  const attempt = await source('c').next();
  attempt.play(snapshot('1', { k: '1' }));
  await Promise.all([first.ready(), second.ready()]);
  expect(source('c').attempts).toHaveLength(1);
  await first.close();
  expect(attempt.signal.aborted).toBe(false);
  attempt.play(delta(2, put('k', '2', '2')));
  await settle();
  expect([first.version, second.version]).toEqual([1, 2]);
  await second.close();
  expect(attempt.signal.aborted).toBe(true);
  expect(source('c').disposed).toBe(1);
});

test('S60 a stalled reader gets one coalesced batch with the net difference, deletes kept', async () => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:c/');
  const stalled = watcher.batches();
  const attempt = await source('c').next();
  attempt.play(snapshot('1', { a: '1@1', b: '1@1' }));
  await nextBatch(stalled);
  attempt.play(delta(2, put('a', '2', '2')), delta(3, put('a', '3', '3')), delta(4, del('b', '4')));
  attempt.play(delta(5, put('c', 'x', '5')), delta(6, del('c', '6')));
  await settle();
  const batch = await nextBatch(stalled);
  expect(batch).toMatchObject({ coalesced: true, cause: 'delta', snapshot: { revision: '6' } });
  expect(batch.changes).toMatchObject([
    { type: 'put', key: 'a', revision: '3', previous: { revision: '1' } },
    { type: 'delete', key: 'b', revision: '6', synthetic: false },
  ]);
});

test('a delete keeps its revision although a bookmark has moved the snapshot before it is read', async () => {
  const { registry, source } = setUp();
  const batches = registry.watch('scripted:c/').batches();
  const attempt = await source('c').next();
  attempt.play(snapshot('1', { a: '1@1' }));
  await nextBatch(batches);
  attempt.play(delta(5, del('a', '5')), { type: 'bookmark', revision: '9' });
  await settle();
  expect(await nextBatch(batches)).toMatchObject({
    coalesced: false,
    snapshot: { revision: '9' },
    changes: [{ type: 'delete', revision: '5' }],
  });
});

test('a key that comes and goes within one delta is no change', async () => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:c/');
  const attempt = await source('c').next();
  attempt.play(snapshot('1', {}), delta(3, put('a', '1', '2'), del('a', '3')));
  await settle();
  expect(watcher).toMatchObject({ version: 1, snapshot: { revision: '3' } });
});

test('S61 a throwing reader and a throwing listener stop nobody else', async () => {
  const { registry, source, errors } = setUp();
  const watcher = registry.watch('scripted:c/');
  watcher.onStatus(() => {
    throw new Error('mine');
  });
  const good = watcher.batches();
  const bad = (async () => {
    for await (const _ of watcher) throw new Error('consumer');
  })();
  const attempt = await source('c').next();
  attempt.play(snapshot('1', {}));
  await expect(bad).rejects.toThrow('consumer');
  await nextBatch(good);
  attempt.play(delta(2, put('k', 'v', '2')));
  expect((await nextBatch(good)).snapshot.revision).toBe('2');
  expect(errors).toHaveLength(1);
});

test('S64 a flapping key becomes one change; the longest hold bounds the wait', async () => {
  const { registry, source, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  const batches = watcher.batches({ quietMs: 200, maxQuietMs: 1_000 });
  const attempt = await source('c').next();
  attempt.play(snapshot('1', {}));
  expect((await nextBatch(batches)).cause).toBe('initial');
  let got: Batch | undefined;
  void nextBatch(batches).then((batch) => {
    got = batch;
  });
  for (let i = 2; i < 8; i++) {
    attempt.play(delta(i, i % 2 ? del('k', `${i}`) : put('k', 'v', `${i}`)));
    await timing.advance(100);
  }
  expect(got).toBeUndefined();
  attempt.play(delta(8, put('k', 'end', '8')));
  await timing.advance(199);
  expect(got).toBeUndefined();
  await timing.advance(1);
  expect(got).toMatchObject({ coalesced: true, changes: [{ type: 'put', key: 'k', revision: '8' }] });
  got = undefined;
  void nextBatch(batches).then((batch) => {
    got = batch;
  });
  for (let i = 9; i < 19; i++) {
    attempt.play(delta(i, put('k', `${i}`, `${i}`)));
    await timing.advance(100);
  }
  expect(got).toMatchObject({ changes: [{ revision: '18' }] });
});

test('S66 swap: the same content is no change at all, different content exactly the difference', async () => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:one/a/');
  const other = registry.watch('scripted:one/a/');
  const batches = watcher.batches();
  const one = await source('one').next();
  one.play(snapshot('90', { x: '1@80', y: '2@81' }));
  await nextBatch(batches);
  const swapping = watcher.swap('scripted:two/b/');
  const two = await source('two').next();
  expect(watcher.prefix).toBe('a/');
  two.play(snapshot('5', { x: '1@3', y: '2@4' }));
  await swapping;
  expect(watcher).toMatchObject({ version: 1, prefix: 'b/', snapshot: { revision: '5' } });
  expect(one.signal.aborted).toBe(false);
  // The same bytes written again are a change of the new backend, as they would be without a swap.
  two.play(delta(6, put('x', '1', '6')));
  expect(await nextBatch(batches)).toMatchObject({ cause: 'delta', changes: [{ key: 'x', revision: '6' }] });
  one.play(delta(91, put('y', '3', '91'), del('x', '91')));
  await settle();
  await watcher.swap('scripted:one/a/');
  const back = await nextBatch(batches);
  expect(back).toMatchObject({
    cause: 'swap',
    coalesced: false,
    changes: [
      { type: 'delete', key: 'x', synthetic: true },
      { type: 'put', key: 'y' },
    ],
  });
  expect(two.signal.aborted).toBe(true);
  await other.close();
});

test('a swap to a backend that fails for good, or that a later swap replaces, stays where it was', async () => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:one/');
  const one = await source('one').next();
  one.play(snapshot('1', { a: '1' }));
  await watcher.ready();
  const failing = watcher.swap('scripted:two/');
  (await source('two').next()).play(new WatchError('FORBIDDEN', 'no'));
  await expect(failing).rejects.toMatchObject({ code: 'FORBIDDEN' });
  const replaced = watcher.swap('scripted:three/');
  const winning = watcher.swap('scripted:four/');
  await expect(replaced).rejects.toMatchObject({ code: 'CLOSED' });
  const three = await source('three').next();
  expect(three.signal.aborted).toBe(true);
  (await source('four').next()).play(snapshot('1', { a: '2' }));
  await winning;
  expect(watcher.version).toBe(2);
  const closing = watcher.swap('scripted:five/');
  const outcome = expect(closing).rejects.toMatchObject({ code: 'CLOSED' });
  await watcher.close();
  await outcome;
});

test.each([
  { by: 'close()', undo: (watcher: Watcher) => watcher.close(), state: 'closed' },
  { by: 'a later swap', undo: (watcher: Watcher) => watcher.swap('scripted:a/'), state: 'live' },
])('a swap is undone by $by that comes after the new backend has answered', async ({ undo, state }) => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:a/');
  const sibling = registry.watch('scripted:a/');
  const a = await source('a').next();
  a.play(snapshot('1', { k: 'a' }));
  await sibling.ready();
  const swapped = expect(watcher.swap('scripted:b/')).rejects.toMatchObject({ code: 'CLOSED' });
  const other = registry.watch('scripted:b/');
  other.onStatus((status) => {
    if (status.state === 'live') void undo(watcher);
  });
  const b = await source('b').next();
  b.play(snapshot('1', { k: 'b' }));
  await swapped;
  await settle();
  expect(watcher.status.state).toBe(state);
  expect(Buffer.from(watcher.snapshot?.entries.get('k')?.value ?? []).toString()).toBe('a');
  expect(a.signal.aborted).toBe(false);
  await other.close();
  await settle();
  expect(b.signal.aborted).toBe(true);
});

test('registry.close() waits for what is closing already, and both of two calls do', async () => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:c/');
  let disposed = false;
  source('c')[Symbol.asyncDispose] = async () => {
    await settle();
    disposed = true;
  };
  void watcher.close();
  void registry.close();
  await registry.close();
  expect(disposed).toBe(true);
});

test('S62 closing inside a listener tells nothing more; a reader ends on its signal and on return()', async () => {
  const { registry, source } = setUp();
  const watcher = registry.watch('scripted:c/');
  const told: string[] = [];
  watcher.onStatus(() => void watcher.close());
  watcher.onStatus((status) => told.push(status.state));
  const stop = new AbortController();
  const aborted = watcher.batches({ signal: stop.signal });
  const waiting = aborted.next();
  stop.abort();
  expect(await waiting).toMatchObject({ done: true });
  const returned = watcher.batches();
  const pending = returned.next();
  await returned.return?.();
  expect(await pending).toMatchObject({ done: true });
  (await source('c').next()).play(snapshot('1', {}));
  await settle();
  expect(watcher.status.state).toBe('closed');
  expect(told).toEqual(['closed']);
});

test('ready() times out with the last failure, and waits for a proven state when asked to', async () => {
  const { registry, source, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  const late = expect(watcher.ready({ timeoutMs: 100 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('nobody answers'),
  });
  const first = await source('c').next();
  first.play(new WatchError('UNREACHABLE', 'nobody answers'));
  await timing.advance(124);
  await late;
  await timing.advance(1);
  const second = await source('c').next();
  second.play(snapshot('1', {}), new WatchError('UNREACHABLE', 'cut'));
  await settle();
  expect((await watcher.ready()).revision).toBe('1');
  let fresh: string | undefined;
  void watcher.ready({ fresh: true }).then(({ revision }) => {
    fresh = revision;
  });
  await settle();
  expect(fresh).toBeUndefined();
  await timing.advance(250);
  (await source('c').next()).play({ type: 'bookmark', revision: '2' });
  await settle();
  expect(fresh).toBe('2');
  const stop = new AbortController();
  stop.abort(new Error('mine'));
  await expect(watcher.ready({ signal: stop.signal })).rejects.toThrow('mine');
});

test('bad input is refused at once, without repeating a secret', () => {
  const { registry } = setUp();
  expect(() => registry.watch('redis://u:pass@h/')).toThrow(/names no backend\. Known schemes: scripted/);
  expect(() => registry.watch('redis://u:pass@h/')).not.toThrow(/pass/);
  const watcher = registry.watch('scripted:c/');
  expect(() => watcher.batches({ quietMs: -1 })).toThrow(/quietMs/);
});

test('without a logger one warning of the process says that nothing answers', async () => {
  const told: string[] = [];
  const keep = ({ message }: Error): void => void told.push(message);
  process.on('warning', keep);
  try {
    const timing = new ManualTiming();
    const sources = new Map([
      ['a', new ScriptedSource()],
      ['b', new ScriptedSource()],
    ]);
    const adapters = [scriptedAdapter((cluster) => sources.get(cluster) ?? new ScriptedSource())];
    const registry = createRegistry({ adapters, timing });
    open.push(registry);
    const answered = registry.watch('scripted:a/');
    (await sources.get('a')?.next())?.play(snapshot('1', {}));
    await answered.ready();
    registry.watch('scripted:b/');
    registry.watch('scripted:b/x/');
    (await sources.get('b')?.next())?.play(new WatchError('UNREACHABLE', 'Nobody there.'));
    await settle();
    await timing.advance(9_999);
    expect(told).toEqual([]);
    await timing.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([
      'Rollcall: nothing has answered for scripted:b/ in 10 s. Nobody there. It goes on trying; give a "logger" to see more.',
    ]);
  } finally {
    process.off('warning', keep);
  }
});

test('options that there are not are refused', () => {
  const { registry } = setUp();
  for (const [options, why] of [
    [{ tokens: 'x' }, 'did you mean token?'],
    [{ user: 'x' }, 'did you mean username?'],
    [{ tls: { cA: 'x' } }, 'did you mean ca?'],
    [{ checkpoint: null }, 'the option checkpoint is null'],
  ] as const) {
    expect(() => registry.watch('scripted:a/', options as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
    expect(() => registry.open('scripted:a/', options as object)).toThrow(why);
  }
  for (const url of [null, undefined, 5]) {
    expect(() => registry.watch(url as never)).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
  }
  expect(() => registry.watch('scripted:a/', null as never)).toThrow('the options must be an object; they are null');
  expect(() => createRegistry({ adapters: [], conf: 1 } as never)).toThrow('createRegistry has no option "conf"');
});
