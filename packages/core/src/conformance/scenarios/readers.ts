import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Watcher } from '../../model/types.js';
import { bytes, type ScenarioContext } from '../context.js';
import { Follower } from '../follower.js';
import type { Write } from '../harness.js';
import { LogCapture } from '../logCapture.js';
import { ManualTiming } from '../manualTiming.js';
import { turns } from '../patience.js';
import type { Scenario } from '../scenario.js';

const FLOOD_KEYS = 1000;
const DEFAULT_FLOOD = { changes: 10_000, perTransaction: 100 };
/** A queue of a million changes would take hundreds. */
const FLOOD_HEAP_BYTES = 64 * 1024 * 1024;
/** How many changes may pass before the history is cut, so that the backend's own log does not count. */
const FLOOD_CHUNK = 10_000;

export const readerScenarios: readonly Scenario[] = [
  {
    id: 'S60',
    title: 'a reader stalls while changes pass: bounded memory, one coalesced batch, the exact state, deletes kept',
    run: async (context) => {
      const keys = Array.from({ length: FLOOD_KEYS }, (_, i) => `p/${i}`);
      await context.putAll(keys, 'before');
      const { watcher, follower } = await context.follow('p/');
      const heapBefore = heapUsed();
      await flood(context, watcher);
      for (const key of keys.slice(0, 3)) await context.delete(key);
      await context.put('p/last', 'one');
      await seen(watcher, 'last', 'one');
      const grown = heapUsed() - heapBefore;
      assert.ok(grown < FLOOD_HEAP_BYTES, `the heap grew by ${grown} bytes`);
      const batch = await follower.next();
      assert.equal(batch.coalesced, true);
      assert.deepEqual(
        batch.changes.filter(({ type }) => type === 'delete').map(({ key }) => key),
        ['0', '1', '2'],
      );
      await context.equalsServer(follower.state, 'p/');
      await context.put('p/marker');
      assert.equal((await follower.next()).changes.length, 1, 'nothing was left over');
    },
  },
  {
    id: 'S61',
    title: 'a consumer throws: the others go on, and the cursor is right',
    run: async (context) => {
      await context.put('p/a', '1');
      const logger = new LogCapture();
      const registry = context.registry({ logger });
      const [watcher, other] = [context.watch('p/', {}, registry), context.watch('p/', {}, registry)];
      const followers = [new Follower(watcher), new Follower(other)];
      await Promise.all(followers.map((each) => each.next()));
      const broken = (async () => {
        for await (const { changes } of watcher) if (changes.some(({ key }) => key === 'bad')) throw new Error('mine');
      })();
      watcher.onStatus(() => {
        throw new Error('a listener’s own');
      });
      const states: string[] = [];
      watcher.onStatus(({ state }) => states.push(state));
      // Waited for from now on: it may well throw before the put returns.
      const thrown = assert.rejects(broken, /mine/);
      await context.put('p/bad');
      await thrown;
      await context.put('p/b', '2');
      for (const each of followers) await each.untilValue('b', '2');
      for (const each of followers) await context.equalsServer(each.state, 'p/');
      await watcher.close();
      assert.deepEqual(states, ['closed'], 'the next listener was called');
      assert.match(logger.text, /a listener’s own/);
      await context.put('p/c', '3');
      await followers[1]?.untilValue('c', '3');
    },
  },
  {
    id: 'S64',
    title: 'a quiet period makes one change of a flapping key, and none of what came and went',
    run: async (context) => {
      const { timing, prompt, quiet } = await quietReader(context);
      const pending = settling(quiet.next());
      for (const text of ['1', '2', '3']) {
        await context.put('p/flapping', text);
        await prompt.untilValue('flapping', text);
        timing.advance(99);
      }
      await turns(5);
      assert.equal(pending.settled, false, 'each change starts the quiet period anew');
      timing.advance(1);
      const { changes, coalesced } = await pending.promise;
      assert.deepEqual(
        changes.map(({ key }) => key),
        ['flapping'],
      );
      assert.equal(quiet.text('flapping'), '3');
      assert.equal(coalesced, true);

      await context.put('p/passing');
      await prompt.until(() => prompt.state.has('passing'));
      await context.delete('p/passing');
      await prompt.until(() => !prompt.state.has('passing'));
      timing.advance(1000);
      await context.put('p/marker');
      await prompt.until(() => prompt.state.has('marker'));
      const next = quiet.next();
      timing.advance(1000);
      assert.deepEqual(
        (await next).changes.map(({ key }) => key),
        ['marker'],
      );
      await context.equalsServer(quiet.state, 'p/');
    },
  },
  {
    id: 'S64.max',
    title: 'a key that never comes to rest is told after the longest quiet period all the same',
    run: async (context) => {
      const { timing, prompt, quiet } = await quietReader(context);
      const pending = settling(quiet.next());
      for (const text of ['1', '2', '3', '4']) {
        await context.put('p/flapping', text);
        await prompt.untilValue('flapping', text);
        timing.advance(80);
      }
      await context.put('p/flapping', '5');
      await prompt.untilValue('flapping', '5');
      timing.advance(29);
      await turns(5);
      assert.equal(pending.settled, false, '349 ms are fewer than 350');
      timing.advance(1);
      await pending.promise;
      assert.equal(quiet.text('flapping'), '5');
    },
  },
];

/** A prompt and a quiet reader (100 ms, at most 350) of one watcher, both past the first batch, and the clock they use. */
async function quietReader(
  context: ScenarioContext,
): Promise<{ timing: ManualTiming; prompt: Follower; quiet: Follower }> {
  const timing = new ManualTiming();
  const watcher = context.watch('p/', {}, context.registry({ timing }));
  const prompt = new Follower(watcher);
  const quiet = new Follower(watcher, { quietMs: 100, maxQuietMs: 350 });
  await Promise.all([prompt.next(), quiet.next()]);
  return { timing, prompt, quiet };
}

function settling<T>(promise: Promise<T>): { promise: Promise<T>; settled: boolean } {
  const pending = { promise, settled: false };
  const settle = (): void => {
    pending.settled = true;
  };
  promise.then(settle, settle);
  return pending;
}

/** Writes to all keys in turn, waiting for the watcher, whose reader stalls, now and then. */
async function flood(context: ScenarioContext, watcher: Watcher): Promise<void> {
  const { changes, perTransaction } = context.harness.flood ?? DEFAULT_FLOOD;
  for (let done = 0; done < changes; ) {
    const chunkEnd = Math.min(changes, done + FLOOD_CHUNK);
    while (done < chunkEnd) {
      const writes = Array.from({ length: Math.min(perTransaction, chunkEnd - done) }, (_, i): Write => {
        return { type: 'put', key: `p/${(done + i) % FLOOD_KEYS}`, value: bytes(String(done + i)) };
      });
      await context.write(writes);
      done += writes.length;
    }
    await seen(watcher, String((done - 1) % FLOOD_KEYS), String(done - 1));
    await context.backend.compact?.();
  }
}

/** Waits until the watcher's state has a text, without reading a batch. */
async function seen(watcher: Watcher, key: string, text: string): Promise<void> {
  const wanted = bytes(text);
  const deadline = performance.now() + 20_000;
  while (Buffer.compare(watcher.snapshot?.entries.get(key)?.value ?? new Uint8Array(), wanted) !== 0) {
    assert.ok(performance.now() < deadline, `${key} came to be ${text}`);
    await turns(1);
  }
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
