import assert from 'node:assert/strict';
import { bytes, type ScenarioContext } from '../context.js';
import { Follower } from '../follower.js';
import { turns } from '../patience.js';
import type { Scenario } from '../scenario.js';

export const stateScenarios: readonly Scenario[] = [
  {
    id: 'S01',
    title: 'the first update is a whole snapshot',
    run: async (context) => {
      await context.putAll(['p/a', 'p/b', 'p/c', 'q/a'], 'v');
      const watcher = context.watch('p/');
      const follower = new Follower(watcher);
      const first = await follower.next();
      assert.equal(first.cause, 'initial');
      assert.equal(first.coalesced, false);
      assert.ok(first.changes.every(({ type, previous }) => type === 'put' && previous === undefined));
      await context.equalsServer(follower.state, 'p/');
      assert.equal((await watcher.ready()).revision, first.snapshot.revision);
      assert.equal(watcher.prefix, 'p/');
      assert.equal(watcher.version, 1);
    },
  },
  {
    id: 'S01.empty',
    title: 'an empty prefix is a valid, ready, empty state',
    run: async (context) => {
      await context.put('q/a');
      const { watcher, follower } = await context.follow('p/');
      assert.equal((await watcher.ready({ fresh: true })).entries.size, 0);
      assert.deepEqual(follower.last?.changes, []);
      const epoch = follower.last?.snapshot.epoch;
      await context.put('p/a', 'first');
      const batch = await follower.next();
      assert.equal(batch.cause, 'delta');
      assert.equal(follower.text('a'), 'first');
      await context.put('p/a', 'second');
      assert.equal((await follower.next()).snapshot.epoch, epoch, 'an unbroken watch stays in one epoch');
    },
  },
  {
    id: 'S02',
    title: 'one transaction of 100 keys is one batch',
    run: async (context) => {
      const { follower } = await context.follow('p/');
      const transaction = context.need('transaction');
      const keys = Array.from({ length: 100 }, (_, i) => `p/${i}`);
      await transaction(keys.map((key) => ({ type: 'put', key, value: bytes('first') })));
      const put = await follower.next();
      assert.equal(put.changes.length, 100);
      assert.equal(put.coalesced, false);
      await transaction(
        keys.map((key, i) => (i % 2 === 0 ? { type: 'delete', key } : { type: 'put', key, value: bytes('second') })),
      );
      assert.equal((await follower.next()).changes.length, 100);
      await context.equalsServer(follower.state, 'p/');
    },
  },
  {
    id: 'S03',
    title: 'a prefix is literal: a/ matches neither a nor ab, and an exact key matches only itself',
    run: async (context) => {
      const names = ['a', 'ab', 'a/b', 'a/b/c', 'a/bc', 'A/b', 'b'];
      await context.putAll(names, 'before');
      const { follower } = await context.follow('a/');
      const exact = await context.follow('a/b');
      const text = context.watch('', { prefix: 'a' });
      assert.deepEqual([...follower.state.keys()], ['b', 'b/c', 'bc']);
      assert.deepEqual([...exact.follower.state.keys()], ['']);
      assert.deepEqual(
        [...(await text.ready()).entries].map(([key]) => key),
        ['', '/b', '/b/c', '/bc', 'b'],
      );
      // The outsiders first: had one been taken for an insider, it would be seen by the time the last one is.
      for (const name of ['a', 'ab', 'A/b', 'b', 'a/bc', 'a/b']) await context.put(name, 'after');
      await follower.untilValue('b', 'after');
      await exact.follower.untilValue('', 'after');
      await context.equalsServer(follower.state, 'a/');
      assert.deepEqual([...exact.follower.state.keys()], ['']);
    },
  },
  ...[
    ['S03.all', 'everything', ''],
    ['S03.text', 'a prefix with -, % and URL marks', 'p-%41?#&=+:@/'],
    ['S03.text', 'a prefix with spaces', 'p  q /'],
    ['S03.text', 'a prefix that is not ASCII', 'ключ/☃/😀/'],
    ['S03.path', 'a prefix that looks like a path to be folded', 'a/./b/'],
  ].map(
    ([id = '', what = '', prefix = '']): Scenario => ({
      id,
      title: `${what} is watched exactly`,
      run: async (context) => {
        const outside = prefix === '' ? [] : [`${prefix.slice(0, -1)}`, `${prefix.slice(0, -1)}0`, `x${prefix}x`];
        await context.putAll([`${prefix}x`, ...outside], 'before');
        const { watcher, follower } = await context.follow(prefix);
        assert.equal(watcher.prefix, prefix);
        await context.equalsServer(follower.state, prefix);
        await context.putAll([...outside, `${prefix}y`], 'after');
        await follower.untilValue('y', 'after');
        await context.delete(`${prefix}x`);
        await follower.until(() => !follower.state.has('x'));
        await context.equalsServer(follower.state, prefix);
      },
    }),
  ),
  {
    id: 'S03.bytes',
    title: 'a prefix that ends in 0xff bytes is watched exactly, and so is the whole key space above it',
    run: async (context) => {
      const prefix = 'a\udcff\udcff';
      await context.putAll(['a', 'a\udcfe\udcff', 'a\udcff', `${prefix}`, `${prefix}x`, `${prefix}\udcff`, 'b'], 'v');
      const watcher = context.watch('', { prefix });
      const follower = new Follower(watcher);
      await follower.next();
      assert.deepEqual([...follower.state.keys()].sort(), ['', 'x', '\udcff']);
      await context.putAll(['a\udcff', 'b', `${prefix}z`], 'after');
      await follower.untilValue('z', 'after');
      await context.equalsServer(follower.state, prefix);
      const highest = context.watch('', { prefix: '\udcff' });
      assert.equal((await highest.ready()).entries.size, 0);
    },
  },
  {
    id: 'S04',
    title: 'texts come back byte for byte: empty, with NUL and control characters, not ASCII, as large as may be',
    run: async (context) => {
      const large = 'x'.repeat(context.harness.maxValueBytes);
      await roundTrip(
        context,
        ['', '\0', 'a\0b', '\r\n\t\u0001\u007f', 'null', '~', '"{}"', 'ключ ☃ 😀\u2028', large].map(bytes),
      );
    },
  },
  {
    id: 'S04.binary',
    title: 'a binary value comes back byte for byte',
    run: async (context) => {
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await roundTrip(context, [all, Uint8Array.of(0xff), Uint8Array.of(0xef, 0xbb, 0xbf), Uint8Array.of(0xc3)]);
    },
  },
  {
    id: 'S10',
    title: 'writes outside the prefix make no batch',
    run: async (context) => {
      await context.put('p/a', 'v');
      const { watcher, follower } = await context.follow('p/');
      for (const key of ['q/a', 'o/a', 'p0', 'q/b']) await context.put(key, 'elsewhere');
      await context.delete('q/a');
      // Time to make a mistake in; the marker then tells whether one was made.
      await turns(20);
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
    id: 'S12.bytes',
    title: 'keys whose bytes are not UTF-8 stay distinct',
    run: async (context) => {
      const keys = ['a/\udcff', 'a/\udcfe', 'a/\udcc3', 'a/é', 'a/\ufffd'];
      for (const key of keys) await context.put(key, `first of ${key.length}`);
      const { follower } = await context.follow('a/');
      assert.deepEqual([...follower.state.keys()].sort(), keys.map((key) => key.slice(2)).sort());
      await context.put('a/\udcfe', 'changed');
      await follower.untilValue('\udcfe', 'changed');
      await context.delete('a/\udcff');
      await follower.until(() => !follower.state.has('\udcff'));
      await context.equalsServer(follower.state, 'a/');
    },
  },
  {
    id: 'S12.self',
    title: 'the key equal to the prefix is an entry',
    run: async (context) => {
      await context.put('a/', 'itself');
      const { follower } = await context.follow('a/');
      assert.equal(follower.text(''), 'itself');
      await context.put('a/', 'changed');
      await follower.untilValue('', 'changed');
      await context.delete('a/');
      await follower.until(() => !follower.state.has(''));
      await context.equalsServer(follower.state, 'a/');
    },
  },
];

/** Values that are there at the start, and the same ones written while watching. */
async function roundTrip(context: ScenarioContext, values: readonly Uint8Array[]): Promise<void> {
  for (const [i, value] of values.entries()) await context.backend.put(`p/early${i}`, value);
  const { follower } = await context.follow('p/');
  for (const [i, value] of values.entries()) await context.backend.put(`p/late${i}`, value);
  await context.converges(follower, 'p/');
  for (const [i, value] of values.entries()) {
    for (const key of [`early${i}`, `late${i}`]) {
      const got = follower.state.get(key)?.value;
      assert.ok(got && Buffer.compare(got, value) === 0, `${key} (${value.length} bytes) is what was written`);
    }
  }
}
