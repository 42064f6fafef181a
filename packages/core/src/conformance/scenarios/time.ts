import assert from 'node:assert/strict';
import type { Status, Watcher } from '../../model/types.js';
import { systemTiming } from '../../runtime/timing.js';
import type { ScenarioContext } from '../context.js';
import { Follower } from '../follower.js';
import { ManualTiming } from '../manualTiming.js';
import type { Scenario } from '../scenario.js';

/** Processes that watch the same server. */
const HERD = 60;
const HOUR_MS = 3_600_000;
/** First waits are at most this long, later ones while nobody answers at most that, ms. */
const FIRST_MS = 250;
const LATER_MS = 1_000;

export const timeScenarios: readonly Scenario[] = [
  {
    id: 'S26',
    title: `${HERD} processes that lose one server do not come back in lockstep, and the first wait is short again after health`,
    run: async (context) => {
      const clocks = Array.from({ length: HERD }, (_, i) => new ManualTiming(i + 1));
      const advance = (ms: number): void => {
        for (const clock of clocks) clock.advance(ms);
      };
      const herd = clocks.map((timing) => ({
        timing,
        watcher: context.watch('herd/', {}, context.registry({ timing })),
      }));
      const watchers = herd.map(({ watcher }) => watcher);
      await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
      const restore = await context.need('outage')();
      assertSpread(await waits(context, herd, 1), FIRST_MS);
      advance(FIRST_MS);
      assertSpread(await waits(context, herd, 2), LATER_MS);
      await restore();
      advance(LATER_MS);
      await context.live(...watchers);
      advance(10_000);
      const restoreAgain = await context.need('outage')();
      assertSpread(await waits(context, herd, 1), FIRST_MS);
      await restoreAgain();
      advance(FIRST_MS);
      await context.live(...watchers);
    },
  },
  {
    id: 'S31',
    title: 'the wall clock jumps by an hour either way: nothing happens',
    run: async (context) => {
      let jump = 0;
      const timing = { ...systemTiming, wallNow: () => systemTiming.wallNow() + jump };
      const watcher = context.watch('p/', {}, context.registry({ timing }));
      const follower = new Follower(watcher);
      await follower.next();
      await watcher.ready({ fresh: true });
      const statuses: Status[] = [];
      watcher.onStatus((status) => statuses.push(status));
      // The adapter reads the same clock.
      const realNow = Date.now;
      try {
        Date.now = () => realNow() + jump;
        for (const [i, to] of [HOUR_MS, -HOUR_MS].entries()) {
          jump = to;
          await context.put(`p/${i}`);
          const { changes, cause } = await follower.next();
          assert.deepEqual([cause, ...changes.map(({ key }) => key)], ['delta', String(i)]);
        }
      } finally {
        Date.now = realNow;
      }
      assert.deepEqual(statuses, []);
      await context.equalsServer(follower.state, 'p/');
    },
  },
];

interface Process {
  readonly timing: ManualTiming;
  readonly watcher: Watcher;
}

/** How long each waits before its next attempt, ms, once that many have failed. */
async function waits(context: ScenarioContext, herd: readonly Process[], attempt: number): Promise<number[]> {
  const isWaiting = (status: Status): boolean =>
    status.state === 'stale' && status.attempt === attempt && status.retryAt !== undefined;
  return Promise.all(
    herd.map(async ({ watcher, timing }) => {
      const status = await context.status(watcher, `waiting after failure ${attempt}`, isWaiting);
      return (status.state === 'stale' ? (status.retryAt ?? 0) : 0) - timing.wallNow();
    }),
  );
}

/** Jittered: none waits longer than `mostMs`, and no tenth of that time has half of them. */
function assertSpread(waitsMs: readonly number[], mostMs: number): void {
  assert.ok(
    waitsMs.every((ms) => ms >= 0 && ms <= mostMs),
    `all of ${waitsMs} are within ${mostMs} ms`,
  );
  for (let tenth = 0; tenth < 10; tenth++) {
    const inside = waitsMs.filter((ms) => Math.floor((ms / mostMs) * 10) === tenth).length;
    assert.ok(inside < waitsMs.length / 2, `${inside} of ${waitsMs.length} retry in tenth ${tenth} of ${mostMs} ms`);
  }
}
