import { expect, test } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/format.js';
import { CheckpointKeeper } from '../../src/checkpoint/keeper.js';
import { type Status, WatchError } from '../../src/index.js';
import { Tree } from '../../src/model/tree.js';
import { LogThrottle } from '../../src/runtime/throttle.js';
import { ManualTiming, settle } from '../manualTiming.js';

const PATH = '/var/lib/app/orders.checkpoint';
const live: Status = { state: 'live', provenAt: 0, maxProofAgeMs: Number.POSITIVE_INFINITY };

/** A file whose every read and write the test decides. */
class FakeFile {
  readonly path = PATH;
  readonly written: Checkpoint[] = [];
  readonly signals: AbortSignal[] = [];
  tidied = 0;
  /** What the writes to come do; when there is nothing here, they succeed. */
  readonly plan: (Error | Promise<void>)[] = [];
  read: () => Promise<Checkpoint | undefined> = async () => undefined;

  async write(checkpoint: Checkpoint, signal: AbortSignal): Promise<void> {
    this.signals.push(signal);
    const planned = this.plan.shift();
    if (planned instanceof Error) throw planned;
    await planned;
    this.written.push(checkpoint);
  }

  async notes(): Promise<Record<string, string>> {
    return {};
  }

  async tidy(): Promise<void> {
    this.tidied++;
  }

  get revisions(): string[] {
    return this.written.map(({ revision }) => revision);
  }
}

function setUp() {
  const timing = new ManualTiming();
  const logs: string[] = [];
  const log = (_: object, message: string): void => void logs.push(message);
  const warnings = new LogThrottle({ debug: log, info: log, warn: log, error: log }, timing);
  const writers = new Map<string, CheckpointKeeper>();
  const open = () => {
    const file = new FakeFile();
    const keeper = new CheckpointKeeper({ file, timing, warnings, writers });
    // As a watch does: a live status is as young as its last proof, which here is always the present.
    let status: Status = { state: 'connecting', attempt: 0 };
    const tell = keeper.onStatus.bind(keeper);
    keeper.onStatus = (told) => {
      status = told;
      tell(told);
    };
    keeper.follow(() => (status.state === 'live' ? { ...status, provenAt: timing.wallNow() } : status));
    return { file, keeper };
  };
  return { ...open(), open, timing, logs };
}

const step = (revision: number, changed = true) => ({
  snapshot: { revision: `${revision}`, epoch: 1, entries: Tree.EMPTY },
  changed,
  edits: changed ? 1 : 0,
  full: false,
});

function staleSince(since: number): Status {
  const error = new WatchError('UNREACHABLE', 'cut');
  return { state: 'stale', code: error.code, error, since, attempt: 1 };
}

test('the first state is written at once, then at most one every 5 s while it changes', async () => {
  const { keeper, file, timing } = setUp();
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(0);
  expect(file.revisions).toEqual(['1']);
  for (let revision = 2; revision <= 200; revision++) {
    keeper.onStep(step(revision));
    await timing.advance(100);
  }
  expect(file.revisions).toEqual(['1', '51', '101', '151']);
  await timing.advance(5000);
  expect(file.revisions).toEqual(['1', '51', '101', '151', '200']);
  await timing.advance(60_000);
  expect(file.written).toHaveLength(5);
  expect(timing.pending).toBe(0);
  expect(file.tidied).toBe(1);
});

test('bookmarks alone write nothing', async () => {
  const { keeper, file, timing } = setUp();
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(0);
  keeper.onStep(step(99, false));
  await timing.advance(60_000);
  expect(file.revisions).toEqual(['1']);
});

test('the age is that of the last proof: now while live, since when it is stale, never younger than the truth', async () => {
  const { keeper, file, timing } = setUp();
  const start = timing.wallNow();
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(3000);
  keeper.onStep(step(2));
  keeper.onStatus(staleSince(timing.wallNow()));
  await timing.advance(60_000);
  expect(file.written).toMatchObject([
    { revision: '1', provenAt: start },
    { revision: '2', provenAt: start + 3000 },
  ]);
  await keeper.close();
  expect(file.written, 'there is nothing newer to say').toHaveLength(2);
});

test('a close writes what is new, if only that the state is still the backend’s', async () => {
  const { keeper, file, timing } = setUp();
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(0);
  keeper.onStep(step(7, false));
  await timing.advance(60_000);
  await keeper.close();
  expect(file.revisions).toEqual(['1', '7']);
  expect(file.written[1]?.provenAt).toBe(timing.wallNow());
  expect(timing.pending).toBe(0);
});

test('what came of a checkpoint alone is not written back: it would look younger', async () => {
  const { keeper, file, timing } = setUp();
  keeper.onStep(step(1));
  keeper.onStatus(staleSince(0));
  await timing.advance(60_000);
  await keeper.close();
  expect(file.written).toEqual([]);
});

test('S68 a full disk is warned of now and then, and written to again when it has room', async () => {
  const { keeper, file, timing, logs } = setUp();
  const full = new Error('cannot be written (ENOSPC: no space left on device)');
  file.plan.push(...Array.from({ length: 8 }, () => full));
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(29_000);
  expect(logs).toEqual([`The checkpoint ${PATH} ${full.message}: the watch goes on without it.`]);
  await timing.advance(6000);
  expect(logs).toHaveLength(2);
  await timing.advance(5000);
  expect(file.revisions).toEqual(['1']);
  expect(timing.pending).toBe(0);
});

test('a write that takes long is not joined by another; what changed meanwhile follows', async () => {
  const { keeper, file, timing } = setUp();
  let finish = (): void => {};
  file.plan.push(new Promise((resolve) => (finish = resolve)));
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(0);
  keeper.onStep(step(2));
  await timing.advance(20_000);
  expect(file.signals).toHaveLength(1);
  finish();
  await timing.advance(0);
  expect(file.revisions).toEqual(['1', '2']);
});

test.each(['before the close', 'in the last write'])('S62 a disk that hangs %s holds no close', async (when) => {
  const { keeper, file, timing, logs } = setUp();
  keeper.onStep(step(1));
  keeper.onStatus(live);
  if (when === 'in the last write') await timing.advance(0);
  file.plan.push(new Promise(() => {}));
  await timing.advance(5000);
  let closed = false;
  const closing = keeper.close().then(() => (closed = true));
  await timing.advance(699);
  expect(closed).toBe(false);
  await timing.advance(1);
  await closing;
  expect(file.signals.at(-1)?.aborted, 'it must not put an old state there later').toBe(true);
  expect(timing.pending).toBe(0);
  expect(logs).toEqual([]);
});

test('of two watches with one file the one that became live last writes, whichever closes first', async () => {
  const { keeper: before, file: old, open, timing } = setUp();
  before.onStep(step(1));
  before.onStatus(live);
  await timing.advance(0);
  const { keeper: after, file: fresh } = open();
  before.onStep(step(2));
  await timing.advance(5000);
  expect(old.revisions, 'the new one has no state yet').toEqual(['1', '2']);
  after.onStep(step(100));
  after.onStatus(live);
  before.onStep(step(3));
  await before.close();
  await timing.advance(0);
  expect(old.revisions).toEqual(['1', '2']);
  expect(fresh.revisions).toEqual(['100']);
});

test('when the later of two watches is gone, the earlier writes again', async () => {
  const { keeper: first, file, open, timing } = setUp();
  first.onStep(step(1));
  first.onStatus(live);
  const { keeper: second } = open();
  second.onStep(step(100));
  second.onStatus(live);
  await second.close();
  first.onStep(step(2));
  await timing.advance(5000);
  expect(file.revisions.at(-1)).toBe('2');
});

test('a logger that throws ends neither the watch nor the process', async () => {
  const timing = new ManualTiming();
  const log = (): never => {
    throw new Error('the log is full');
  };
  const warnings = new LogThrottle({ debug: log, info: log, warn: log, error: log }, timing);
  const file = new FakeFile();
  file.plan.push(new Error('cannot be written (ENOSPC: no space left on device)'));
  const keeper = new CheckpointKeeper({ file, timing, warnings, writers: new Map() });
  keeper.onStep(step(1));
  keeper.onStatus(live);
  await timing.advance(5000);
  expect(file.revisions).toEqual(['1']);
  file.read = () => Promise.reject(new Error('is truncated'));
  expect(await keeper.load(new AbortController().signal)).toBeUndefined();
});

test('a file is read once; one that cannot be used is said once, with its reason', async () => {
  const { keeper, file, logs } = setUp();
  let reads = 0;
  file.read = async () => {
    reads++;
    throw new Error('is truncated');
  };
  const { signal } = new AbortController();
  expect(await Promise.all([keeper.load(signal), keeper.load(signal)])).toEqual([undefined, undefined]);
  expect(reads).toBe(1);
  expect(logs).toEqual([`The checkpoint ${PATH} is truncated: it is ignored.`]);
});

test('a disk that does not answer counts as one without a checkpoint', async () => {
  const { keeper, file, timing, logs } = setUp();
  file.read = () => new Promise(() => {});
  const loading = keeper.load(new AbortController().signal);
  await timing.advance(30_000);
  expect(await loading).toBeUndefined();
  expect(logs).toEqual([`The checkpoint ${PATH} was not read within 30000 ms: it is ignored.`]);
});

test('an abort ends a load at once, without a word', async () => {
  const { keeper, file, timing, logs } = setUp();
  file.read = () => new Promise(() => {});
  const abort = new AbortController();
  const loading = keeper.load(abort.signal);
  await settle();
  abort.abort();
  expect(await loading).toBeUndefined();
  expect(timing.pending).toBe(0);
  expect(logs).toEqual([]);
});
