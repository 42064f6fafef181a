import { afterEach, describe, expect, test } from 'vitest';
import type { Update } from '../../src/adapter.js';
import {
  type Batch,
  type Change,
  createRegistry,
  type Registry,
  type Status,
  WatchError,
  type Watcher,
} from '../../src/index.js';
import { ManualTiming, settle } from '../manualTiming.js';
import { type Attempt, del, put, ScriptedSource, scriptedAdapter, snapshot } from '../scriptedSource.js';

const open: Registry[] = [];
afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

function setUp(source = new ScriptedSource()) {
  const timing = new ManualTiming();
  const logs: string[] = [];
  const log = (_fields: object, message: string): void => void logs.push(message);
  const registry = createRegistry({
    adapters: [scriptedAdapter(() => source)],
    timing,
    logger: { debug: log, info: log, warn: log, error: log },
  });
  open.push(registry);
  return { source, timing, registry, logs };
}

async function nextBatch(batches: AsyncIterator<Batch>): Promise<Batch> {
  const { done, value } = await batches.next();
  if (done) throw new Error('the reader ended');
  return value;
}

const told = (batch: Batch): string[] =>
  batch.changes.map((change) =>
    change.type === 'put'
      ? `${change.key}=${Buffer.from(change.entry.value)}@${change.revision}`
      : `-${change.key}${change.synthetic ? '~' : ''}@${change.revision}`,
  );

const content = (watcher: Watcher): Record<string, string> =>
  Object.fromEntries([...(watcher.snapshot?.entries ?? [])].map(([k, e]) => [k, Buffer.from(e.value).toString()]));

test('S01 the first update is a whole snapshot; an empty prefix is a ready, empty, told state', async () => {
  const { source, registry } = setUp();
  const watcher = registry.watch('scripted:c/a/');
  const batches = watcher.batches();
  (await source.next()).play(snapshot('7', {}));
  expect(await nextBatch(batches)).toMatchObject({ cause: 'initial', changes: [], coalesced: false });
  expect((await watcher.ready()).revision).toBe('7');
  expect(watcher.version).toBe(1);
});

test('S02 one revision is one batch, ordered by key, with previous values', async () => {
  const { source, registry } = setUp();
  const batches = registry.watch('scripted:c/').batches();
  const attempt = await source.next();
  attempt.play(snapshot('5', { b: 'old@3' }));
  await nextBatch(batches);
  attempt.play({ type: 'delta', revision: '6', events: [put('c', '3', '6'), put('b', '2', '6'), put('a', '1', '6')] });
  const batch = await nextBatch(batches);
  expect(told(batch)).toEqual(['a=1@6', 'b=2@6', 'c=3@6']);
  expect(batch.cause).toBe('delta');
  expect(batch.changes[1]).toMatchObject({ previous: { revision: '3' } });
});

test('a prompt reader sees every revision by itself although they arrive together', async () => {
  const { source, registry } = setUp();
  const batches = registry.watch('scripted:c/').batches();
  const attempt = await source.next();
  attempt.play(snapshot('1', {}));
  await nextBatch(batches);
  for (let r = 2; r <= 20; r++) attempt.play({ type: 'delta', revision: `${r}`, events: [put('k', `${r}`, `${r}`)] });
  for (let r = 2; r <= 20; r++)
    expect(await nextBatch(batches)).toMatchObject({ coalesced: false, snapshot: { revision: `${r}` } });
});

describe('several deltas that came at once', () => {
  const deltas = (from: number, to: number): Update => ({
    type: 'deltas',
    deltas: Array.from({ length: to - from + 1 }, (_, i) => {
      const revision = String(from + i);
      return { type: 'delta', revision, events: [put('k', revision, revision)] };
    }),
  });

  async function begun(): Promise<{ attempt: Attempt; watcher: Watcher; batches: AsyncIterableIterator<Batch> }> {
    const { source, registry } = setUp();
    const watcher = registry.watch('scripted:c/');
    const batches = watcher.batches();
    const attempt = await source.next();
    attempt.play(snapshot('1', {}));
    await nextBatch(batches);
    return { attempt, watcher, batches };
  }

  test('a reader whose loop waits for nothing sees each by itself', async () => {
    const { attempt, batches } = await begun();
    attempt.play(deltas(2, 500));
    const seen: string[] = [];
    for await (const { snapshot, coalesced, changes } of batches) {
      seen.push(`${snapshot.revision} ${coalesced} ${changes.length}`);
      if (snapshot.revision === '500') break;
    }
    expect(seen).toEqual(Array.from({ length: 499 }, (_, i) => `${i + 2} false 1`));
  });

  test('a reader that is slower sees the difference, and holds up nobody', async () => {
    const { attempt, batches, watcher } = await begun();
    const first = nextBatch(batches);
    attempt.play(deltas(2, 500));
    expect(told(await first)).toEqual(['k=2@2']);
    await expect.poll(() => watcher.snapshot?.revision).toBe('500');
    const rest = await nextBatch(batches);
    expect([told(rest), rest.coalesced]).toEqual([['k=500@500'], true]);
  });

  test('a reader may sort the changes of its batch: they are its own', async () => {
    const { attempt, batches, watcher } = await begun();
    const others = watcher.batches();
    await nextBatch(others);
    attempt.play({ type: 'delta', revision: '2', events: [put('a', '1', '2'), put('b', '1', '2')] });
    const [one, other] = await Promise.all([nextBatch(batches), nextBatch(others)]);
    (one.changes as Change[]).reverse();
    expect(told(other)).toEqual(['a=1@2', 'b=1@2']);
  });

  test('the event loop turns while they are taken, however many there are', async () => {
    const { attempt, watcher } = await begun();
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (watcher.snapshot?.revision !== '50000') setImmediate(turn);
    };
    setImmediate(turn);
    attempt.play(deltas(2, 50_000));
    await expect.poll(() => watcher.snapshot?.revision).toBe('50000');
    expect(turns).toBeGreaterThan(3);
  });
});

test('a delta that has a key twice tells the difference alone', async () => {
  const { source, registry } = setUp();
  const batches = registry.watch('scripted:c/').batches();
  const attempt = await source.next();
  attempt.play(snapshot('5', { a: 'old@3' }));
  await nextBatch(batches);
  attempt.play({ type: 'delta', revision: '6', events: [put('b', 'x', '6'), del('b', '6')] });
  attempt.play({
    type: 'delta',
    revision: '8',
    events: [put('a', 'once', '7'), put('c', 'y', '8'), put('a', 'twice', '8')],
  });
  const batch = await nextBatch(batches);
  expect(told(batch)).toEqual(['a=twice@8', 'c=y@8']);
  expect(batch.changes[0]).toMatchObject({ previous: { revision: '3' } });
});

test('a bookmark that is told beside the iteration moves the cursor and proves; after the attempt it says nothing', async () => {
  const { source, registry } = setUp();
  const watcher = registry.watch('scripted:c/');
  const attempt = await source.next();
  // Nothing is there yet that it could be about.
  attempt.tell({ type: 'bookmark', revision: '4' });
  attempt.play(snapshot('5', { a: '1@3' }));
  await watcher.ready();
  attempt.tell({ type: 'bookmark', revision: '9' });
  expect(watcher.snapshot?.revision).toBe('9');
  await watcher.close();
  attempt.tell({ type: 'bookmark', revision: '12' });
  expect(watcher.snapshot?.revision).toBe('9');
});

test('S06 a resync with nothing changed keeps the objects and the version, and makes no batch', async () => {
  const { source, registry, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  const first = await source.next();
  first.play(snapshot('5', { a: '1@2' }));
  const before = await watcher.ready();
  first.play(new WatchError('UNREACHABLE', 'cut'));
  await timing.advance(125);
  (await source.next()).play(new WatchError('COMPACTED', 'gone'));
  (await source.next()).play(snapshot('9', { a: '1@2' }));
  await settle();
  expect(watcher.version).toBe(1);
  expect(watcher.snapshot?.entries).toBe(before.entries);
  expect(watcher.snapshot?.revision).toBe('9');
  expect(watcher.status.state).toBe('live');
  expect(timing.scheduled).toEqual([125]);
});

test('S07 a delete-only resync moves the version and tells the deletes with their last values', async () => {
  const { source, registry, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  const batches = watcher.batches();
  const first = await source.next();
  first.play(snapshot('5', { a: '1@2', b: '2@3' }));
  await nextBatch(batches);
  first.play(new WatchError('COMPACTED', 'gone'));
  await timing.advance(125);
  const second = await source.next();
  expect(second.from).toBeUndefined();
  second.play(snapshot('9', { a: '1@2' }));
  const batch = await nextBatch(batches);
  expect(told(batch)).toEqual(['-b~@9']);
  expect(batch.cause).toBe('resync');
  expect(batch.snapshot.epoch).toBe(1);
  expect(watcher.version).toBe(2);
});

test('S08 events at or below the cursor are dropped', async () => {
  const { source, registry } = setUp();
  const watcher = registry.watch('scripted:c/');
  const batches = watcher.batches();
  const attempt = await source.next();
  attempt.play(snapshot('5', { a: 'new@5' }));
  await nextBatch(batches);
  attempt.play({ type: 'delta', revision: '5', events: [put('a', 'old', '4'), del('a', '5')] });
  attempt.play({ type: 'delta', revision: '6', events: [put('a', 'old', '3'), put('b', 'x', '6')] });
  expect(told(await nextBatch(batches))).toEqual(['b=x@6']);
  expect(content(watcher)).toEqual({ a: 'new', b: 'x' });
});

test('S09 a bookmark at or below the cursor is no rollback; one above moves the cursor and makes no batch', async () => {
  const { source, registry } = setUp();
  const watcher = registry.watch('scripted:c/');
  const attempt = await source.next();
  attempt.play(snapshot('5', {}), { type: 'bookmark', revision: '4' });
  await settle();
  expect(watcher.snapshot?.revision).toBe('5');
  attempt.play({ type: 'bookmark', revision: '80' });
  await settle();
  expect(watcher.snapshot?.revision).toBe('80');
  expect(watcher.version).toBe(1);
});

test('an interruption resumes after the cursor, with the newest entry and the count as proof', async () => {
  const { source, registry, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  const states: Status['state'][] = [];
  watcher.onStatus((status) => states.push(status.state));
  const first = await source.next();
  first.play(snapshot('9', { a: '1@9', b: '2@3' }), { type: 'bookmark', revision: '12' });
  await settle();
  first.play(new WatchError('UNREACHABLE', 'cut'));
  await settle();
  expect(watcher.status).toMatchObject({ state: 'stale', code: 'UNREACHABLE', attempt: 1 });
  await timing.advance(125);
  const second = await source.next();
  expect(second.from).toMatchObject({
    revision: '12',
    proof: { count: 2, newest: { key: 'a', entry: { revision: '9' } } },
  });
  second.play({ type: 'alive' });
  await settle();
  expect(watcher.status.state).toBe('stale');
  second.play({ type: 'bookmark', revision: '12' });
  await settle();
  expect(states).toEqual(['live', 'stale', 'live']);
});

test.each(['ROLLED_BACK', 'OTHER_HISTORY'] as const)(
  'S42 S43 %s mints a new epoch; bytes decide what changed',
  async (code) => {
    const { source, registry, timing } = setUp();
    const watcher = registry.watch('scripted:c/');
    const batches = watcher.batches();
    const first = await source.next();
    first.play(snapshot('50', { same: 'x@40', other: 'y@41', gone: 'z@42' }));
    await nextBatch(batches);
    first.play('end');
    await timing.advance(125);
    await source.next().then((attempt) => attempt.play(new WatchError(code, 'another history')));
    (await source.next()).play(snapshot('60', { same: 'x@55', other: 'Y@56' }));
    const batch = await nextBatch(batches);
    expect(told(batch)).toEqual(['other=Y@56', '-gone~@60']);
    expect(batch).toMatchObject({ cause: 'resync', snapshot: { epoch: 2 } });
  },
);

test('S42 a snapshot below the cursor is another history', async () => {
  const source = new ScriptedSource();
  source.supports = { resume: false, deltas: false, history: false };
  const { registry, timing } = setUp(source);
  const watcher = registry.watch('scripted:c/');
  const first = await source.next();
  first.play(snapshot('50', { a: '1@40' }), 'end');
  await timing.advance(125);
  const second = await source.next();
  expect(second.from).toBeUndefined();
  second.play(snapshot('8', { a: '1@7' }));
  await settle();
  expect(watcher.snapshot).toMatchObject({ revision: '8', epoch: 2 });
  expect(watcher.version).toBe(1);
});

test('S45 another state at the very revision that was told is another history; bytes decide what changed', async () => {
  const source = new ScriptedSource();
  source.supports = { resume: false, deltas: false, history: false };
  const { registry } = setUp(source);
  const watcher = registry.watch('scripted:c/');
  const batches = watcher.batches();
  const attempt = await source.next();
  attempt.play(snapshot('50', { same: 'x@40', other: 'y@41' }));
  await nextBatch(batches);
  attempt.play(snapshot('50', { same: 'x@47', other: 'Y@48' }));
  const batch = await nextBatch(batches);
  expect(told(batch)).toEqual(['other=Y@48']);
  expect(batch.snapshot).toMatchObject({ revision: '50', epoch: 2 });
  attempt.play(snapshot('50', { same: 'x@47', other: 'Y@48' }));
  await settle();
  expect(watcher.snapshot).toMatchObject({ revision: '50', epoch: 2 });
});

test('S22 a silent watch is stale after maxSilenceMs and started again; anything it says is life', async () => {
  const source = new ScriptedSource();
  source.maxSilenceMs = 15_000;
  const { registry, timing } = setUp(source);
  const watcher = registry.watch('scripted:c/');
  const first = await source.next();
  first.play(snapshot('5', {}));
  await timing.advance(14_000);
  first.play({ type: 'alive' });
  await timing.advance(14_000);
  expect(watcher.status.state).toBe('live');
  await timing.advance(1_000);
  expect(watcher.status).toMatchObject({ state: 'stale', code: 'SILENT' });
  expect(first.signal.aborted).toBe(true);
  await timing.advance(250);
  expect((await source.next()).from?.revision).toBe('5');
});

test('a fatal error before the first state fails ready(), iteration and the status', async () => {
  const { source, registry } = setUp();
  const watcher = registry.watch('scripted:c/');
  const batches = watcher.batches();
  const waiting = expect(nextBatch(batches)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  (await source.next()).play(new WatchError('FORBIDDEN', 'no'));
  await waiting;
  await expect(watcher.ready()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(watcher.status.state).toBe('failed');
  expect(await batches.next()).toMatchObject({ done: true });
  // A later watch of the same target does not join the failed one.
  const again = registry.watch('scripted:c/');
  (await source.next()).play(snapshot('1', {}));
  expect((await again.ready()).revision).toBe('1');
});

test('S50 after the first state a fatal error is stale, keeps the state and retries at the cap', async () => {
  const { source, registry, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  const first = await source.next();
  first.play(snapshot('5', { a: '1@5' }), new WatchError('UNAUTHENTICATED', 'rotated'));
  await settle();
  expect(watcher.status).toMatchObject({ state: 'stale', code: 'UNAUTHENTICATED' });
  expect(timing.scheduled.at(-1)).toBe(15_000);
  expect(content(watcher)).toEqual({ a: '1' });
  await timing.advance(15_000);
  (await source.next()).play({ type: 'bookmark', revision: '5' });
  await settle();
  expect(watcher.status.state).toBe('live');
});

test('S26 backoff grows with full jitter to the cap, honours Retry-After, and resets only after 10 s of health', async () => {
  const { source, registry, timing } = setUp();
  registry.watch('scripted:c/');
  const waits = async (error: WatchError): Promise<number | undefined> => {
    (await source.next()).play(error);
    await settle();
    const wait = timing.scheduled.at(-1);
    await timing.advance(wait ?? 0);
    return wait;
  };
  const cut = new WatchError('UNREACHABLE', 'cut');
  const seen: (number | undefined)[] = [];
  for (let i = 0; i < 9; i++) seen.push(await waits(cut));
  expect(seen).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(await waits(new WatchError('RATE_LIMITED', 'slow', { retryAfterMs: 60_000 }))).toBe(75_000);
  const brief = await source.next();
  brief.play(snapshot('1', {}));
  await timing.advance(9_999);
  brief.play(cut);
  await settle();
  expect(timing.scheduled.at(-1)).toBe(15_000);
  await timing.advance(15_000);
  const healthy = await source.next();
  healthy.play({ type: 'bookmark', revision: '1' });
  await timing.advance(10_000);
  healthy.play(cut);
  await settle();
  expect(timing.scheduled.at(-1)).toBe(125);
});

test.each([
  ['trouble', { type: 'trouble', error: new WatchError('UNREADABLE', 'half') }],
  ['a refused cursor', new WatchError('COMPACTED', 'gone')],
] as const)('an hour of health ends an outage also when %s comes first', async (_, step) => {
  const { source, registry, timing } = setUp();
  registry.watch('scripted:c/');
  (await source.next()).play(snapshot('1', {}), new WatchError('UNREACHABLE', 'cut'));
  for (let i = 0; i < 7; i++) {
    await timing.advance(30_000);
    (await source.next()).play(new WatchError('UNREACHABLE', 'cut'));
    await settle();
  }
  await timing.advance(30_000);
  const healthy = await source.next();
  healthy.play({ type: 'bookmark', revision: '2' });
  await timing.advance(3_600_000);
  healthy.play(step);
  await settle();
  (source.attempts.at(-1) ?? healthy).play(new WatchError('UNREACHABLE', 'cut'));
  await settle();
  expect(timing.scheduled.at(-1)).toBe(125);
});

test('S09 after an interruption, what a lagging member says of the past does not make the watch live', async () => {
  const { source, registry, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  (await source.next()).play(snapshot('9', {}), new WatchError('UNREACHABLE', 'cut'));
  await timing.advance(125);
  const second = await source.next();
  second.play({ type: 'bookmark', revision: '3' }, { type: 'delta', revision: '4', events: [put('a', 'old', '4')] });
  await settle();
  expect(watcher.status.state).toBe('stale');
  second.play({ type: 'bookmark', revision: '9' });
  await settle();
  expect(watcher.status.state).toBe('live');
});

test('S44 another cluster whose first answer breaks off is another history when it answers', async () => {
  const { source, registry, timing } = setUp();
  source.supports = { resume: false, deltas: true, history: false };
  const watcher = registry.watch('scripted:c/');
  (await source.next()).play(snapshot('5', { a: '1@2' }, 'one'), new WatchError('UNREACHABLE', 'cut'));
  await timing.advance(125);
  const broken = function* (): Generator<never> {
    yield* [];
    throw new Error('cut off');
  };
  (await source.next()).play({ type: 'snapshot', revision: '8', entries: broken(), identity: 'two' });
  await timing.advance(250);
  (await source.next()).play(snapshot('8', { a: '1@7' }, 'two'));
  await settle();
  expect(watcher.snapshot?.revision).toBe('8');
  expect(watcher.snapshot?.epoch).not.toBe(1);
});

test('a Timing that is a class instance works, and a logger that throws ends no watch', async () => {
  const source = new ScriptedSource();
  const manual = new ManualTiming();
  class Clock {
    readonly #inner = manual;
    now = () => this.#inner.now();
    wallNow = () => this.#inner.wallNow();
    schedule = (ms: number, run: () => void) => this.#inner.schedule(ms, run);
    random(): number {
      return this.#inner.random();
    }
  }
  const quiet = (): void => {};
  const warn = (): void => {
    throw new Error('disk full');
  };
  const registry = createRegistry({
    adapters: [scriptedAdapter(() => source)],
    timing: new Clock(),
    logger: { debug: quiet, info: quiet, warn, error: quiet },
  });
  open.push(registry);
  const watcher = registry.watch('scripted:c/');
  (await source.next()).play(snapshot('1', {}), new WatchError('UNREACHABLE', 'cut'));
  await manual.advance(10_000);
  (await source.next()).play({ type: 'bookmark', revision: '1' });
  await settle();
  expect(watcher.status.state).toBe('live');
});

test('the same error is logged once per 30 s', async () => {
  const { source, registry, timing, logs } = setUp();
  registry.watch('scripted:c/');
  timing.randomValue = 0;
  for (let i = 0; i < 50; i++) {
    (await source.next()).play(new WatchError('UNREACHABLE', 'nobody answers at h:1'));
    await timing.advance(1_000);
  }
  expect(logs.filter((line) => line.includes('nobody answers'))).toHaveLength(2);
});

test('a TypeError thrown by an adapter is retried like any other failure', async () => {
  const { source, registry, timing } = setUp();
  const watcher = registry.watch('scripted:c/');
  (await source.next()).play(new TypeError('x is not a function'));
  await timing.advance(125);
  (await source.next()).play(snapshot('1', {}));
  expect((await watcher.ready()).revision).toBe('1');
});

test('trouble makes the state stale inside one attempt; the next answer mends it as a resync', async () => {
  const { source, registry } = setUp();
  const watcher = registry.watch('scripted:c/');
  const batches = watcher.batches();
  const attempt = await source.next();
  attempt.play(snapshot('1', { a: '1@1' }));
  await nextBatch(batches);
  attempt.play({ type: 'trouble', error: new WatchError('UNREADABLE', 'half a file') });
  await settle();
  expect(watcher.status).toMatchObject({ state: 'stale', code: 'UNREADABLE' });
  expect(content(watcher)).toEqual({ a: '1' });
  attempt.play(snapshot('2', {}));
  expect(await nextBatch(batches)).toMatchObject({ cause: 'resync' });
  attempt.play(snapshot('3', { b: '1@3' }));
  expect(await nextBatch(batches)).toMatchObject({ cause: 'delta' });
  expect(watcher.status.state).toBe('live');
});

test('S62 closing settles in every state although the source never ends, and leaves no timer', async () => {
  const { source, registry, timing } = setUp();
  const connecting = registry.watch('scripted:c/1');
  await connecting.close();
  const backingOff = registry.watch('scripted:c/2');
  await source.next();
  (await source.next()).play(new WatchError('UNREACHABLE', 'cut'));
  await settle();
  await backingOff.close();
  const live = registry.watch('scripted:c/3');
  const attempt = await source.next();
  attempt.play(snapshot('1', {}));
  await live.ready();
  const batches = live.batches();
  await nextBatch(batches);
  const waiting = batches.next();
  await Promise.all([live.close(), live.close()]);
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(attempt.signal.aborted).toBe(true);
  attempt.play(snapshot('2', { late: '1' }));
  await settle();
  expect(live.version).toBe(1);
  expect(await batches.next()).toMatchObject({ done: true });
  expect(live.status.state).toBe('closed');
  expect(timing.pending).toBe(0);
  expect(source.disposed).toBe(3);
  await expect(live.ready()).rejects.toMatchObject({ code: 'CLOSED' });
});
