import { afterEach, expect, test } from 'vitest';
import { createRegistry, type Entry, type Registry, type Revision, type Status, WatchError } from '../../src/index.js';
import { ManualTiming, settle } from '../manualTiming.js';
import { del, put, ScriptedSource, scriptedAdapter, snapshot } from '../scriptedSource.js';

type State = { revision: Revision; entries: Iterable<readonly [string, Entry]> };

/** Answers reads of the past with what the test has put there. */
class PastSource extends ScriptedSource {
  override supports = { resume: true, deltas: true, history: true };
  readonly reads: (Revision | undefined)[] = [];
  readonly answers: (State | WatchError)[] = [];

  async read(_: unknown, { at }: { at?: Revision }): Promise<State> {
    this.reads.push(at);
    const answer = this.answers.shift();
    if (answer instanceof WatchError) throw answer;
    return answer ?? new Promise<State>(() => {});
  }
}

const open: Registry[] = [];
afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

function setUp<S extends ScriptedSource>(source: S) {
  const timing = new ManualTiming();
  const registry = createRegistry({ adapters: [scriptedAdapter(() => source)], timing });
  open.push(registry);
  return { source, timing, registry };
}

const state = (revision: Revision, entries: Record<string, string>) => snapshot(revision, entries) as unknown as State;

test('a watch since a revision begins with the state there and tells each change after it', async () => {
  const { source, registry } = setUp(new PastSource());
  source.answers.push(state('5', { a: '1@2', b: '2@5' }));
  const watcher = registry.watch('scripted:c/', { since: '5' });
  const statuses: Status[] = [];
  watcher.onStatus((status) => statuses.push(status));
  const batches = watcher.batches();
  expect((await batches.next()).value).toMatchObject({ cause: 'initial', snapshot: { revision: '5' } });
  expect(source.reads).toEqual(['5']);
  const attempt = await source.next();
  expect(attempt.from).toMatchObject({ revision: '5', proof: { count: 2, newest: { key: 'b' } } });
  expect([...(attempt.held ?? [])].map(([key]) => key)).toEqual(['a', 'b']);
  expect(watcher.status).toMatchObject({ state: 'stale', code: 'NOT_CURRENT' });
  attempt.play({ type: 'delta', revision: '6', events: [put('c', '3', '6')] });
  attempt.play({ type: 'delta', revision: '7', events: [del('a', '7')] });
  const [sixth, seventh] = [(await batches.next()).value, (await batches.next()).value];
  expect(sixth).toMatchObject({ cause: 'delta', coalesced: false, changes: [{ key: 'c', revision: '6' }] });
  expect(seventh).toMatchObject({ cause: 'delta', changes: [{ type: 'delete', key: 'a', synthetic: false }] });
  expect(statuses.map((status) => status.state)).toEqual(['stale', 'live']);
});

test('with no server there yet, the read of the past is retried as any other attempt', async () => {
  const { source, registry, timing } = setUp(new PastSource());
  source.answers.push(new WatchError('UNREACHABLE', 'nobody there'), state('5', { a: '1' }));
  const watcher = registry.watch('scripted:c/', { since: '5' });
  await settle();
  expect(watcher.status).toMatchObject({ state: 'connecting', attempt: 1, error: { code: 'UNREACHABLE' } });
  await timing.advance(125);
  expect((await watcher.ready()).revision).toBe('5');
  expect(source.attempts).toHaveLength(1);
});

test('after an outage the watch goes on from where it was; the past is read once', async () => {
  const { source, registry, timing } = setUp(new PastSource());
  source.answers.push(state('5', { a: '1@5' }));
  const watcher = registry.watch('scripted:c/', { since: '5' });
  const first = await source.next();
  first.play({ type: 'delta', revision: '8', events: [put('a', '2', '8')] });
  await watcher.ready({ fresh: true });
  first.play(new WatchError('UNREACHABLE', 'cut'));
  await timing.advance(125);
  expect((await source.next()).from?.revision).toBe('8');
  expect(source.reads).toEqual(['5']);
});

test('history that is compacted after the beginning is bridged by a difference', async () => {
  const { source, registry } = setUp(new PastSource());
  source.answers.push(state('5', { a: '1@5', b: '2@5' }));
  const batches = registry.watch('scripted:c/', { since: '5' }).batches();
  await batches.next();
  (await source.next()).play(new WatchError('COMPACTED', 'gone meanwhile'));
  (await source.next()).play(snapshot('9', { a: '1@5' }));
  expect((await batches.next()).value).toMatchObject({
    cause: 'resync',
    changes: [{ type: 'delete', key: 'b', synthetic: true }],
  });
});

test.each(['COMPACTED', 'ROLLED_BACK'] as const)('a revision that is not there (%s) fails the watch', async (code) => {
  const { source, registry } = setUp(new PastSource());
  const error = new WatchError(code, 'the oldest revision is 7');
  source.answers.push(error);
  const watcher = registry.watch('scripted:c/', { since: '5' });
  await expect(watcher.ready()).rejects.toBe(error);
  expect(watcher.status.state).toBe('failed');
  expect(source.attempts).toHaveLength(0);
});

test('a backend without history fails with UNSUPPORTED and names what can', async () => {
  const { registry } = setUp(new ScriptedSource());
  const watcher = registry.watch('scripted:c/', { since: '5' });
  await expect(watcher.ready()).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(/etcd/) });
});

test('a read that hangs holds no close', async () => {
  const { source, registry } = setUp(new PastSource());
  const watcher = registry.watch('scripted:c/', { since: '5' });
  await settle();
  expect(source.reads).toEqual(['5']);
  await watcher.close();
  expect(source.disposed).toBe(1);
});

test.each(['0', '-1', '07', '1e3', '', 'now', 5 as unknown as string])('refuses to begin at %j', (since) => {
  const { registry } = setUp(new PastSource());
  expect(() => registry.watch('scripted:c/', { since })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});

test('S80 each watch with a beginning is its own; the source is shared', async () => {
  const { source, registry } = setUp(new PastSource());
  source.answers.push(state('5', {}), state('6', {}), state('5', {}));
  const options = [{ since: '5' }, { since: '6' }, {}, { since: '5' }];
  const watchers = options.map((each) => registry.watch('scripted:c/', each));
  await settle();
  expect(source.reads).toEqual(['5', '6', '5']);
  expect(source.attempts).toHaveLength(4);
  for (const watcher of watchers) await watcher.close();
  expect(source.disposed).toBe(1);
});

test('a swap begins at the present of its backend', async () => {
  const { source, registry } = setUp(new PastSource());
  source.answers.push(state('5', { a: '1@5' }));
  const watcher = registry.watch('scripted:c/a', { since: '5' });
  (await source.next()).play({ type: 'bookmark', revision: '9' });
  await watcher.ready({ fresh: true });
  const swapping = watcher.swap('scripted:c/b');
  const attempt = await source.next();
  expect(attempt.from).toBeUndefined();
  attempt.play(snapshot('9', { a: '2@9' }));
  await swapping;
  expect(source.reads).toEqual(['5']);
});
