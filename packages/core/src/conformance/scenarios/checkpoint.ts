import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '../../runtime/logger.js';
import type { ScenarioContext } from '../context.js';
import { Follower } from '../follower.js';
import { withPatience } from '../patience.js';
import type { Scenario } from '../scenario.js';

export const checkpointScenarios: readonly Scenario[] = [
  {
    id: 'S68',
    title: 'a start while the backend is away: the last good state with its age, then exactly the difference',
    run: async (context) => {
      const folder = await context.folder();
      const checkpoint = join(folder, 'p');
      await context.putAll(['p/same', 'p/changed', 'p/gone'], 'before');
      const from = Date.now();
      await leaveCheckpoint(context, 'p/', checkpoint);
      const to = Date.now();
      const restore = await context.need('outage')();
      await context.put('p/changed', 'after');
      await context.put('p/new', 'after');
      await context.delete('p/gone');

      const watcher = context.watch('p/', { checkpoint });
      const follower = new Follower(watcher);
      const before = await follower.next();
      assert.deepEqual(before.snapshot, await watcher.ready());
      assert.deepEqual([...follower.state.keys()].sort(), ['changed', 'gone', 'same']);
      for (const key of follower.state.keys()) assert.equal(follower.text(key), 'before');
      const { status } = watcher;
      assert.ok(status.state === 'stale' && status.since >= from && status.since <= to, 'stale, with its age');
      let isFresh = false;
      const fresh = watcher.ready({ fresh: true }).then(() => {
        isFresh = true;
      });
      await watcher.ready();
      assert.ok(!isFresh, 'a checkpoint is not fresh');

      await restore();
      const { cause, changes, snapshot } = await follower.next();
      assert.equal(cause, 'resync');
      const told = changes.map((change) => [change.key, change.type, change.type === 'delete' && change.synthetic]);
      assert.deepEqual(told.sort(), [
        ['changed', 'put', false],
        ['gone', 'delete', true],
        ['new', 'put', false],
      ]);
      assert.notEqual(snapshot.epoch, before.snapshot.epoch);
      await withPatience('a live state', fresh);
      await context.equalsServer(follower.state, 'p/');
      await context.put('p/marker');
      assert.equal((await follower.next()).cause, 'delta');
    },
  },
  {
    id: 'S68.same',
    title: 'a start with a checkpoint that is still true: no change, no batch',
    run: async (context) => {
      const folder = await context.folder();
      const checkpoint = join(folder, 'p');
      await context.putAll(['p/a', 'p/b'], 'v');
      await leaveCheckpoint(context, 'p/', checkpoint);
      const restore = await context.need('outage')();
      const watcher = context.watch('p/', { checkpoint });
      const follower = new Follower(watcher);
      await follower.next();
      await restore();
      await context.live(watcher);
      assert.equal(watcher.version, 1);
      await context.put('p/marker');
      const { changes } = await follower.next();
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['marker'],
      );
    },
  },
  {
    id: 'S68.unusable',
    title: 'a damaged, truncated or foreign checkpoint is ignored with a warning, and the watch is as any other',
    run: async (context) => {
      const folder = await context.folder();
      await context.putAll(['p/a', 'p/b', 'q/c'], 'v');
      const files = ['damaged', 'truncated', 'foreign', 'another kind of file'].map((name) => join(folder, name));
      const [damaged = '', truncated = '', foreign = '', otherKind = ''] = files;
      await leaveCheckpoint(context, 'p/', damaged);
      await leaveCheckpoint(context, 'p/', truncated);
      await leaveCheckpoint(context, 'q/', foreign);
      const whole = await readFile(damaged);
      await writeFile(damaged, Buffer.concat([whole.subarray(0, -90), Buffer.from('x'), whole.subarray(-89)]));
      await writeFile(truncated, whole.subarray(0, -90));
      await writeFile(otherKind, 'watches:\n');

      const warnings: string[] = [];
      let warned = (): void => {};
      const logger = {
        ...silentLogger,
        warn: (_: object, message: string): void => {
          warnings.push(message);
          warned();
        },
      };
      const about = (file: string): string[] => warnings.filter((each) => each.includes(file));
      const restore = await context.need('outage')();
      const registry = context.registry({ logger });
      const watchers = files.map((checkpoint) => context.watch('p/', { checkpoint }, registry));
      const all = new Promise<void>((resolve) => {
        warned = () => {
          if (files.every((file) => about(file).length > 0)) resolve();
        };
      });
      await withPatience('a warning about each file', all);
      for (const { snapshot, status } of watchers)
        assert.deepEqual([snapshot, status.state], [undefined, 'connecting']);
      await restore();
      await context.live(...watchers);
      for (const { snapshot } of watchers) await context.equalsServer(snapshot?.entries ?? [], 'p/');
      const ignored = files.map((file) => about(file).filter((each) => /ignored/.test(each)).length);
      assert.deepEqual(ignored, [1, 1, 1, 1], warnings.join('\n'));
    },
  },
];

/** What a process that watched the prefix, and ended, leaves behind. */
async function leaveCheckpoint(context: ScenarioContext, key: string, checkpoint: string): Promise<void> {
  const registry = context.registry();
  await context.watch(key, { checkpoint }, registry).ready({ fresh: true });
  await registry.close();
}
