import { afterEach, expect, test, vi } from 'vitest';
import { CheckpointFile } from '../../src/checkpoint/file.js';
import type { Checkpoint } from '../../src/checkpoint/format.js';
import { CheckpointKeeper } from '../../src/checkpoint/keeper.js';
import { createRegistry, type Status, type Timing } from '../../src/index.js';
import { silentLogger } from '../../src/internal.js';
import { Tree } from '../../src/model/tree.js';
import { LogThrottle } from '../../src/runtime/throttle.js';
import { ManualTiming, settle } from '../manualTiming.js';
import { ScriptedSource, scriptedAdapter } from '../scriptedSource.js';

const PATH = '/var/lib/app/orders.checkpoint';
const live: Status = { state: 'live', provenAt: 0, maxProofAgeMs: Number.POSITIVE_INFINITY };

afterEach(() => {
  vi.restoreAllMocks();
});

const step = (revision: string) => ({
  snapshot: { revision, epoch: 1, entries: Tree.EMPTY },
  changed: true,
  edits: 1,
  full: false,
});

/** What several keepers write to. */
class Disk {
  /** The revision that is in the file. */
  revision: string | undefined;
  /** What the writes to come wait for. */
  readonly gates: Promise<void>[] = [];
  readonly path = PATH;

  async read(): Promise<undefined> {}
  async notes(): Promise<Record<string, string>> {
    return {};
  }

  async tidy(): Promise<void> {}

  /** As `CheckpointFile` does: an abandoned write leaves the old file. */
  async write({ revision }: Checkpoint, signal: AbortSignal): Promise<void> {
    await this.gates.shift();
    signal.throwIfAborted();
    this.revision = revision;
  }
}

/** Timers that the test runs one by one: one that starts itself anew at once would never let a clock advance. */
class SingleTimers implements Timing {
  time = 10_000;
  readonly waits: number[] = [];
  readonly #runs: (() => void)[] = [];
  now = (): number => this.time;
  wallNow = (): number => this.time;
  random = (): number => 0.5;
  schedule = (ms: number, run: () => void): (() => void) => {
    this.waits.push(ms);
    this.#runs.push(run);
    return () => {};
  };

  async runNext(): Promise<void> {
    this.#runs.shift()?.();
    await settle();
  }
}

function keepersOf(timing: Timing, disk: Disk): () => CheckpointKeeper {
  const writers = new Map<string, CheckpointKeeper>();
  const warnings = new LogThrottle(silentLogger, timing);
  return () => new CheckpointKeeper({ file: disk, timing, warnings, writers });
}

test('a watch whose file another has taken over does not try to write without a pause', async () => {
  const timing = new SingleTimers();
  const open = keepersOf(timing, new Disk());
  const [before, after] = [open(), open()];
  for (const keeper of [before, after]) {
    keeper.onStep(step('1'));
    keeper.onStatus(live);
    await timing.runNext();
  }
  timing.time += 6_000;
  timing.waits.length = 0;
  before.onStep(step('2'));
  for (let i = 0; i < 5; i++) await timing.runNext();
  expect(timing.waits.filter((ms) => ms === 0).length).toBeLessThan(2);
});

test('S66 a write of the old watch that is under way does not take the place of what the new one wrote', async () => {
  const timing = new ManualTiming();
  const disk = new Disk();
  const open = keepersOf(timing, disk);
  const [before, after] = [open(), open()];
  let finish = (): void => {};
  disk.gates.push(
    new Promise((resolve) => {
      finish = resolve;
    }),
  );
  before.onStep(step('1'));
  before.onStatus(live);
  await timing.advance(0);
  after.onStep(step('100'));
  after.onStatus(live);
  await timing.advance(0);
  const closed = before.close();
  finish();
  await timing.advance(10_000);
  await closed;
  expect(disk.revision).toBe('100');
});

test('S62 a watch that is closed before its backend answered does not begin to read its file', async () => {
  const read = vi.spyOn(CheckpointFile.prototype, 'read').mockResolvedValue(undefined);
  const source = new ScriptedSource();
  const registry = createRegistry({ adapters: [scriptedAdapter(() => source)], timing: new ManualTiming() });
  const watcher = registry.watch('scripted:c/a/', { checkpoint: PATH });
  await source.next();
  void watcher.close();
  await settle();
  expect(read).not.toHaveBeenCalled();
});

test('a listener and a logger that throw at a checkpoint end neither the watch nor the process', async () => {
  vi.spyOn(CheckpointFile.prototype, 'read').mockResolvedValue({ revision: '5', provenAt: 1, entries: [] });
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  const timing = new ManualTiming();
  const full = (): never => {
    throw new Error('the log is full');
  };
  const logger = { debug: full, info: full, warn: full, error: full };
  const registry = createRegistry({ adapters: [scriptedAdapter(() => new ScriptedSource())], timing, logger });
  const watcher = registry.watch('scripted:c/a/', { checkpoint: PATH });
  watcher.onStatus(() => {
    throw new Error('of the listener');
  });
  await timing.advance(1_000);
  expect(watcher.status.state).toBe('stale');
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});
