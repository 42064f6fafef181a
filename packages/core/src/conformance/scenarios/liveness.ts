import assert from 'node:assert/strict';
import type { Source } from '../../adapter/source.js';
import type { Status, Watcher } from '../../model/types.js';
import { bytes, type ScenarioContext } from '../context.js';
import { Follower } from '../follower.js';
import { ManualTiming } from '../manualTiming.js';
import { pause, within } from '../patience.js';
import type { Scenario } from '../scenario.js';

/** Above the longest silence that a backend has: Consul's wait of 10 min, a sixteenth of it and 3 s. */
const LONGEST_SILENCE_MS = 11 * 60_000;
/** The clock of a test moves in so many steps; after each of them real time passes, for the backend to answer. */
const STEPS = 100;
const STEP_REAL_MS = 25;

export const livenessScenarios: readonly Scenario[] = [
  {
    id: 'S22',
    title: 'a backend that answers nothing any more: stale, with the last state, and live again when it answers',
    run: async (context) => {
      await context.put('p/a', 'before');
      const timing = new ManualTiming();
      const watcher = context.watch('p/', {}, context.registry({ timing }));
      const follower = new Follower(watcher);
      await follower.next();
      await context.live(watcher);
      const before = watcher.snapshot;
      const resume = await context.need('stall')();
      for (let ms = 0; ms <= LONGEST_SILENCE_MS && watcher.status.state === 'live'; ms += 1_000) {
        timing.advance(1_000);
        await pause(1);
      }
      assert.equal(watcher.status.state, 'stale', 'a watch that nothing proves must become stale');
      assert.equal(watcher.snapshot, before, 'the last state stays');
      await context.put('p/a', 'after');
      await context.put('p/b', 'after');
      await resume();
      await untilLive(context, watcher, timing);
      await context.converges(follower, 'p/');
    },
  },
  {
    id: 'S28',
    title: 'a backend that answers nonsense: stale with a clear code, no delete, and live again when it answers well',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b'], 'v');
      const { watcher, follower } = await context.follow('p/');
      await context.live(watcher);
      const before = watcher.snapshot;
      const restore = await context.need('answerBadly')();
      const status = await context.status(watcher, 'stale', ({ state }) => state === 'stale');
      assertClear(status);
      assert.equal(watcher.snapshot, before, 'the last state stays');
      await assert.rejects(watcher.read(), isClear, 'a read of nonsense is an error');
      const starting = context.watch('p/', {}, context.registry());
      assertClear(await context.status(starting, 'connecting with an error', (each) => 'error' in each));
      assert.equal(starting.snapshot, undefined, 'nonsense is no state, not even an empty one');
      await restore();
      await context.live(watcher, starting);
      await context.put('p/marker');
      await context.converges(follower, 'p/');
      assert.equal(watcher.snapshot?.epoch, before?.epoch, 'it is the same history');
    },
  },
  {
    id: 'S30',
    title: 'a watch on which nothing changes stays live',
    run: async (context) => {
      await context.put('p/a');
      const timing = new ManualTiming();
      const { adapter, opened } = spying(context);
      const watcher = context.watch('p/', {}, context.registry({ timing, adapter }));
      await watcher.ready({ fresh: true });
      const statuses: Status[] = [];
      watcher.onStatus((status) => statuses.push(status));
      const bound = opened[0]?.maxSilenceMs;
      const silenceMs = typeof bound === 'function' ? bound({ prefix: 'p/' }) : (bound ?? 0);
      for (let step = 0; Number.isFinite(silenceMs) && step < STEPS * 1.5; step++) {
        timing.advance(silenceMs / STEPS);
        await pause(STEP_REAL_MS);
      }
      assert.deepEqual(statuses, [], 'no change of status in one and a half times maxSilenceMs');
      assert.equal(watcher.status.state, 'live');
    },
  },
  {
    id: 'S62.attempts',
    title: 'every attempt ends within 1 s of its abort',
    run: async (context) => {
      await context.put('p/a');
      const { adapter, running } = spying(context);
      const registry = context.registry({ adapter });
      const watchers = ['p/', 'p/a'].map((key) => context.watch(key, {}, registry));
      await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
      await context.closes(registry.close());
      await within(1_000, 'the end of every attempt', Promise.all(running));
    },
  },
  {
    id: 'S80',
    title: 'the past can be read if the adapter says so, and is refused if not',
    run: async (context) => {
      await context.put('p/a', 'first');
      const { watcher } = await context.follow('p/');
      const then = (await watcher.ready()).revision;
      await context.put('p/a', 'second');
      await context.put('p/b', 'second');
      const { adapter, opened } = spying(context);
      const past = context.watch('p/', { since: then }, context.registry({ adapter }));
      if (!opened[0]?.supports.history) {
        await assert.rejects(past.ready({ fresh: true }), { code: 'UNSUPPORTED' });
        return;
      }
      const follower = new Follower(past);
      const first = await follower.next();
      assert.equal(first.snapshot.revision, then);
      assert.deepEqual([...follower.state.keys()], ['a']);
      assert.equal(follower.text('a'), 'first');
      await context.converges(follower, 'p/');
    },
  },
  {
    id: 'S82',
    title: 'what the adapter writes is what the backend has, and its answers say so',
    run: async (context) => {
      const opened = context.registry().open(context.url('p/'));
      const { write } = opened.source;
      if (write === undefined) return;
      const { follower } = await context.follow('p/');
      const revision = await write.put('p/a', bytes('one'));
      assert.match(revision, /^[1-9]\d*$/, 'a put answers with a revision');
      await follower.untilValue('a', 'one');
      await write.put('p/b', bytes(''));
      assert.equal(await write.delete('p/a'), true, 'the key was there');
      assert.equal(await write.delete('p/a'), false, 'the key was gone already');
      await follower.until(() => !follower.state.has('a') && follower.state.has('b'));
      await context.equalsServer(follower.state, 'p/');
      await opened.release();
    },
  },
];

/** The adapter, with the sources that it opens and the ends of their attempts. */
function spying(context: ScenarioContext) {
  const { adapter } = context.backend;
  const opened: Source[] = [];
  const running: Promise<void>[] = [];
  return {
    opened,
    running,
    adapter: {
      ...adapter,
      parse: (url: string) => adapter.parse(url),
      open: (...given: Parameters<typeof adapter.open>): Source => {
        const source = adapter.open(...given);
        opened.push(source);
        return spiedSource(source, running);
      },
    },
  };
}

function spiedSource(source: Source, running: Promise<void>[]): Source {
  return {
    supports: source.supports,
    get maxSilenceMs() {
      return source.maxSilenceMs;
    },
    ...(source.read && { read: source.read.bind(source) }),
    watch: (...watched) => {
      const updates = source.watch(...watched)[Symbol.asyncIterator]();
      let end = (): void => {};
      running.push(
        new Promise((resolve) => {
          end = resolve;
        }),
      );
      const next = async () => {
        let isOver = true;
        try {
          const result = await updates.next();
          isOver = result.done ?? false;
          return result;
        } finally {
          if (isOver) end();
        }
      };
      const close = async () => {
        await updates.return?.();
        end();
        return { done: true, value: undefined } as const;
      };
      return { [Symbol.asyncIterator]: () => ({ next, return: close }) };
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

async function untilLive(context: ScenarioContext, watcher: Watcher, timing: ManualTiming): Promise<void> {
  let isLive = false;
  const live = context.live(watcher).then(() => {
    isLive = true;
  });
  // Small steps: much time in little would look like another silence.
  const moving = (async () => {
    for (; !isLive; await pause(5)) timing.advance(50);
  })();
  await live;
  await moving;
}

function assertClear(status: Status): void {
  assert.ok(
    'error' in status && isClear(status.error),
    'the error has a code of its own, and neither INTERNAL nor ENDED',
  );
}

function isClear(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code !== undefined && code !== 'INTERNAL' && code !== 'ENDED';
}
