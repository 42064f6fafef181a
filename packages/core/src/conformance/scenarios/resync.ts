import assert from 'node:assert/strict';
import type { Scenario } from '../scenario.js';

/** More writes than the scenario made before the wipe. */
const REFILL_WRITES = 10;

export const resyncScenarios: readonly Scenario[] = [
  {
    id: 'S06',
    title: 'an outage in which nothing changed: same objects, same version, no batch',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b'], 'v');
      const { watcher, follower } = await context.follow('p/');
      const before = watcher.snapshot;
      const restore = await context.outage(watcher);
      assert.equal(watcher.snapshot, before, 'stale beats empty');
      await restore();
      await context.live(watcher);
      assert.equal(watcher.version, 1);
      assert.equal(watcher.snapshot?.epoch, before?.epoch);
      for (const [key, entry] of before?.entries ?? []) assert.equal(watcher.snapshot?.entries.get(key), entry);
      await context.put('p/marker');
      const { changes } = await follower.next();
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['marker'],
      );
      assert.equal(watcher.version, 2);
    },
  },
  {
    id: 'S06.compacted',
    title: 'a full read after an outage in which nothing changed: same objects, same version, no batch',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b'], 'v');
      const { watcher, follower } = await context.follow('p/');
      const before = watcher.snapshot;
      const restore = await context.outage(watcher);
      await context.put('q/elsewhere');
      await context.need('compact')();
      await restore();
      await context.live(watcher);
      assert.equal(watcher.version, 1);
      assert.equal(watcher.snapshot?.epoch, before?.epoch, 'a compaction is the same history');
      for (const [key, entry] of before?.entries ?? []) assert.equal(watcher.snapshot?.entries.get(key), entry);
      await context.put('p/marker');
      const { changes } = await follower.next();
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['marker'],
      );
    },
  },
  {
    id: 'S07',
    title: 'deletes alone in an outage: the version moves, and each is told with its last value',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b', 'p/c'], 'last');
      const { watcher, follower } = await context.follow('p/');
      const restore = await context.outage(watcher);
      await context.delete('p/a');
      await context.delete('p/c');
      await restore();
      await follower.until(() => follower.state.size === 1);
      // The follower has compared each delete's previous value with the one it held.
      await context.live(watcher);
      await context.equalsServer(follower.state, 'p/');
      assert.ok(watcher.version > 1);
    },
  },
  {
    id: 'S07.compacted',
    title: 'deletes whose history is gone: one resync tells each with its last value, as synthetic',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b', 'p/c'], 'last');
      const { watcher, follower } = await context.follow('p/');
      const restore = await context.outage(watcher);
      await context.delete('p/a');
      await context.delete('p/c');
      await context.need('compact')();
      await restore();
      const { cause, changes } = await follower.next();
      assert.equal(cause, 'resync');
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['a', 'c'],
      );
      assert.ok(changes.every((change) => change.type === 'delete' && change.synthetic));
      assert.equal(watcher.version, 2);
      await context.equalsServer(follower.state, 'p/');
    },
  },
  {
    id: 'S07.gap',
    title: 'a key that is put, deleted and put again in an outage ends as it is',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b'], 'before');
      const { watcher, follower } = await context.follow('p/');
      const restore = await context.outage(watcher);
      await context.put('p/a', 'between');
      await context.delete('p/a');
      await context.put('p/a', 'after');
      await context.put('p/b', 'between');
      await context.delete('p/b');
      await restore();
      await context.converges(follower, 'p/');
      assert.deepEqual([...follower.state.keys()], ['a']);
      assert.equal(follower.text('a'), 'after');
    },
  },
  {
    id: 'S43',
    title: 'a store that was wiped and filled again in an outage: nothing of the old history stays',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b'], 'old');
      const { watcher, follower } = await context.follow('p/');
      const restore = await context.outage(watcher);
      await context.need('wipe')();
      // Past the old cursor, for stores that count from 1 again: then only a comparison shows the other history.
      for (let at = 0; at < REFILL_WRITES; at++) await context.put('p/b', `new ${at}`);
      await context.put('p/c', 'new');
      await restore();
      await context.converges(follower, 'p/');
      assert.deepEqual([...follower.state.keys()].sort(), ['b', 'c']);
      await context.live(watcher);
      await context.put('p/d', 'newer');
      await context.converges(follower, 'p/');
    },
  },
  {
    id: 'S08',
    title: 'old and duplicate events are dropped',
    run: async (context) => {
      const { watcher, follower } = await context.follow('p/');
      for (const text of ['1', '2', '3']) {
        await context.put('p/a', text);
        await follower.untilValue('a', text);
      }
      await context.delete('p/a');
      await follower.until(() => follower.state.size === 0);
      const { version } = watcher;
      await context.need('replay')();
      await context.put('p/marker');
      const { changes } = await follower.next();
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['marker'],
      );
      assert.equal(watcher.version, version + 1);
      await context.equalsServer(follower.state, 'p/');
    },
  },
];
