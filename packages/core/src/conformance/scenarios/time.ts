import assert from 'node:assert/strict';
import type { Status, Watcher } from '../../model/types.js';
import { systemTiming } from '../../runtime/timing.js';
import type { Context } from '../context.js';
import { Follower } from '../follower.js';
import { ManualTiming } from '../manualTiming.js';
import type { Scenario } from '../scenario.js';

const HERD = 200;
const HOUR_MS = 3_600_000;

export const timeScenarios: readonly Scenario[] = [
  {
    id: 'S26',
    title: `${HERD} watchers that lose one server do not come back in lockstep, and backoff starts anew after health`,
    run: async (context) => {
      const timing = new ManualTiming();
      const registry = context.registry({ timing });
      const herd = Array.from({ length: HERD }, (_, i) => context.watch(`herd/${i}/`, {}, registry));
      await Promise.all(herd.map((watcher) => watcher.ready({ fresh: true })));
      const restore = await context.need('outage')();
      assertSpread(await waits(context, herd, timing, 1), 250);
      timing.advance(250);
      assertSpread(await waits(context, herd, timing, 2), 500);
      await restore();
      timing.advance(500);
      await context.live(...herd);
      timing.advance(10_000);
      const restoreAgain = await context.need('outage')();
      assertSpread(await waits(context, herd, timing, 1), 250);
      await restoreAgain();
      timing.advance(250);
      await context.live(...herd);
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

/** How long each watcher waits before its next attempt, ms, once that many have failed. */
async function waits(
  context: Context,
  watchers: readonly Watcher[],
  timing: ManualTiming,
  attempt: number,
): Promise<number[]> {
  const isWaiting = (status: Status): boolean =>
    status.state === 'stale' && status.attempt === attempt && status.retryAt !== undefined;
  const statuses = await Promise.all(
    watchers.map((watcher) => context.status(watcher, `waiting after failure ${attempt}`, isWaiting)),
  );
  return statuses.map((status) => (status.state === 'stale' ? (status.retryAt ?? 0) : 0) - timing.wallNow());
}

/** Full jitter: over the whole of 0 to `ceilingMs`, no tenth of it without or with a quarter of them. */
function assertSpread(waitsMs: readonly number[], ceilingMs: number): void {
  assert.ok(
    waitsMs.every((ms) => ms >= 0 && ms <= ceilingMs),
    `all of ${waitsMs} are within ${ceilingMs} ms`,
  );
  for (let tenth = 0; tenth < 10; tenth++) {
    const inside = waitsMs.filter((ms) => Math.floor((ms / ceilingMs) * 10) === tenth).length;
    assert.ok(inside > 0 && inside < waitsMs.length / 4, `${inside} of ${waitsMs.length} retry in tenth ${tenth}`);
  }
}
