import assert from 'node:assert/strict';
import type { Adapter, Source } from '../../adapter/source.js';
import type { ScenarioContext } from '../context.js';
import { Follower } from '../follower.js';
import type { Scenario } from '../scenario.js';

export const sharingScenarios: readonly Scenario[] = [
  {
    id: 'S11',
    title: 'two watchers of one prefix share one upstream watch; closing or swapping one leaves the other',
    run: async (context) => {
      await context.putAll(['p/a', 'q/a'], 'v');
      const { adapter, counts } = counting(context.backend.adapter);
      const registry = context.registry({ adapter });
      const watchers = [1, 2, 3].map(() => context.watch('p/', {}, registry));
      const [first, second, third] = watchers.map((watcher) => new Follower(watcher));
      await Promise.all([first?.next(), second?.next(), third?.next()]);
      assert.deepEqual(counts, { opened: 1, watches: 1 });
      await watchers[0]?.close();
      await watchers[1]?.swap(context.url('q/'));
      assert.deepEqual(counts, { opened: 1, watches: 2 });
      await context.put('p/b', 'new');
      await third?.untilValue('b', 'new');
      await context.put('q/b', 'new');
      await second?.untilValue('b', 'new');
      await first?.end();
      assert.equal(counts.watches, 2, 'the shared watch was not started again');
      await context.equalsServer(third?.state ?? [], 'p/');
      await context.equalsServer(second?.state ?? [], 'q/');
    },
  },
  {
    id: 'S66',
    title: 'a swap to the same content changes nothing',
    run: async (context) => {
      for (const prefix of ['one/', 'two/']) await context.putAll([`${prefix}a`, `${prefix}b`], 'same');
      const { watcher, follower } = await context.follow('one/');
      await watcher.swap(context.url('two/'));
      assert.equal(watcher.prefix, 'two/');
      assert.equal(watcher.version, 1);
      assert.equal(watcher.status.state, 'live');
      await context.put('one/a', 'no longer watched');
      await context.put('two/marker');
      const { cause, changes } = await follower.next();
      assert.equal(cause, 'delta');
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['marker'],
      );
    },
  },
  {
    id: 'S66.different',
    title: 'a swap to other content tells exactly the difference, and back again',
    run: async (context) => {
      await context.putAll(['one/same', 'two/same'], 'same');
      await context.put('one/other', '1');
      await context.put('two/other', '2');
      await context.put('one/gone', '1');
      await context.put('two/new', '2');
      const { watcher, follower } = await context.follow('one/');
      await watcher.swap(context.url('two/'));
      assert.equal(watcher.version, 2);
      await swapped(context, follower, ['gone', 'new', 'other'], 'two/');
      await watcher.swap(context.url('one/'));
      assert.equal(watcher.version, 3);
      await swapped(context, follower, ['gone', 'new', 'other'], 'one/');
    },
  },
  {
    id: 'S66.refused',
    title: 'a swap that cannot be leaves the watcher where it was',
    run: async (context) => {
      const { watcher, follower } = await context.follow('one/');
      await assert.rejects(watcher.swap('nonsense:'), { code: 'UNKNOWN_SCHEME' });
      assert.equal(watcher.prefix, 'one/');
      await context.put('one/a', 'still watched');
      await follower.untilValue('a', 'still watched');
      await watcher.close();
      await assert.rejects(watcher.swap(context.url('two/')), { code: 'CLOSED' });
    },
  },
];

async function swapped(context: ScenarioContext, follower: Follower, keys: string[], prefix: string): Promise<void> {
  const { cause, changes, coalesced } = await follower.next();
  assert.equal(cause, 'swap');
  assert.equal(coalesced, false);
  assert.deepEqual(changes.map(({ key }) => key).sort(), keys);
  await context.equalsServer(follower.state, prefix);
}

/** The adapter, with a count of the sources it opens and of the watches on them. */
function counting(adapter: Adapter): { adapter: Adapter; counts: { opened: number; watches: number } } {
  const counts = { opened: 0, watches: 0 };
  const open: Adapter['open'] = (location, options) => {
    counts.opened++;
    const source = adapter.open(location, options);
    const counted: Source = {
      supports: source.supports,
      get maxSilenceMs() {
        return source.maxSilenceMs;
      },
      watch: (target, watchOptions) => {
        counts.watches++;
        return source.watch(target, watchOptions);
      },
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
    return counted;
  };
  return { adapter: { schemes: adapter.schemes, parse: (url) => adapter.parse(url), open }, counts };
}
