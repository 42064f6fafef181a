import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { Batch, Watcher } from '../../model/types.js';
import { Follower } from '../follower.js';
import { turns, within } from '../patience.js';
import type { Scenario } from '../scenario.js';

/** How many turns of the event loop a close may come after the start: each meets another stage of connect and list. */
const STAGES = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89];

export const endingScenarios: readonly Scenario[] = [
  {
    id: 'S62',
    title: 'a close during connect and list settles within 1 s, and nothing comes after',
    run: async (context) => {
      await context.putAll(
        Array.from({ length: 500 }, (_, i) => `p/${i}`),
        'v',
      );
      for (const stage of STAGES) {
        const watcher = context.watch('p/');
        const reader = collect(watcher);
        await turns(stage);
        await context.closes(watcher.close());
        await closedForGood(watcher, reader);
      }
    },
  },
  {
    id: 'S62.replay',
    title: 'a close during the catch-up after an outage settles within 1 s, and nothing comes after',
    run: async (context) => {
      for (const stage of STAGES) {
        const watcher = context.watch('p/');
        const reader = collect(watcher);
        await watcher.ready({ fresh: true });
        const restore = await context.outage(watcher);
        for (let i = 0; i < 20; i++) await context.put(`p/${i}`, `${stage}`);
        await restore();
        await turns(stage);
        await context.closes(watcher.close());
        await closedForGood(watcher, reader);
      }
    },
  },
  {
    id: 'S62.backoff',
    title: 'a close during an outage settles within 1 s, before the first state and after it',
    run: async (context) => {
      const known = context.watch('p/');
      const reader = collect(known);
      await known.ready();
      const restore = await context.outage(known);
      const unknown = context.watch('p/');
      const unknownReader = collect(unknown);
      await context.status(unknown, 'connecting with an error', (status) => 'error' in status);
      for (const watcher of [known, unknown]) await context.closes(watcher.close());
      await restore();
      await closedForGood(known, reader);
      await closedForGood(unknown, unknownReader);
      assert.equal(unknownReader.batches.length, 0);
    },
  },
  {
    id: 'S62.twice',
    title: 'closing twice, and closing inside a loop or a listener, is safe',
    run: async (context) => {
      await context.put('p/a');
      const twice = context.watch('p/');
      const reader = collect(twice);
      await twice.ready();
      await context.closes(Promise.all([twice.close(), twice.close()]));
      await context.closes(twice.close());
      await closedForGood(twice, reader);

      const inLoop = context.watch('p/');
      let rounds = 0;
      for await (const _ of inLoop) {
        rounds++;
        await context.closes(inLoop.close());
      }
      assert.equal(rounds, 1);

      const inListener = context.watch('p/');
      const states: string[] = [];
      const closing = new Promise<void>((resolve, reject) => {
        inListener.onStatus(({ state }) => {
          states.push(state);
          if (state === 'live') inListener.close().then(resolve, reject);
        });
      });
      await context.closes(within(10_000, 'live', closing));
      assert.deepEqual(states, ['live', 'closed']);
      await closedForGood(inListener, collect(inListener));
    },
  },
  {
    id: 'S62.signals',
    title: 'every wait takes a signal, ends by it, and leaves no listener on it',
    run: async (context) => {
      const watcher = context.watch('p/');
      await watcher.ready({ fresh: true });
      const abort = new AbortController();
      const { signal } = abort;
      const reason = new Error('enough');
      const restore = context.backend.outage ? await context.outage(watcher) : undefined;
      const waits = restore ? [watcher.ready({ fresh: true, signal })] : [];
      const reader = watcher.batches({ signal });
      await reader.next();
      const reading = reader.next();
      abort.abort(reason);
      for (const wait of waits) await assert.rejects(within(1000, 'an aborted wait', wait), reason);
      assert.deepEqual(await within(1000, 'an aborted read', reading), { done: true, value: undefined });
      await assert.rejects(watcher.ready({ signal }), reason);
      await assert.rejects(watcher.read({ signal }), reason);
      await restore?.();
      await context.live(watcher);
      assert.equal(getEventListeners(signal, 'abort').length, 0);

      const unused = new AbortController().signal;
      await watcher.ready({ signal: unused });
      await watcher.read({ signal: unused });
      const ended = watcher.batches({ signal: unused });
      await ended.next();
      await ended.return?.();
      assert.equal(getEventListeners(unused, 'abort').length, 0);
      await context.put('p/a', 'goes on');
      await new Follower(watcher).untilValue('a', 'goes on');
    },
  },
  {
    id: 'S62.handles',
    title: 'a close leaves no timer, socket or watch of the file system',
    run: async (context) => {
      await context.put('p/a');
      await turns(5);
      const before = resources();
      const registry = context.registry();
      const watchers = ['p/', 'p/a', ''].map((key) => context.watch(key, {}, registry));
      await Promise.all(watchers.map((watcher) => watcher.ready({ fresh: true })));
      await context.closes(registry.close());
      const deadline = performance.now() + 1000;
      while (more(resources(), before).length > 0 && performance.now() < deadline) await turns(1);
      assert.deepEqual(more(resources(), before), []);
    },
  },
];

/** Reads a watcher to its end, or to its failure. */
function collect(watcher: Watcher): { readonly batches: Batch[]; readonly ended: Promise<unknown> } {
  const batches: Batch[] = [];
  const read = async (): Promise<void> => {
    for await (const batch of watcher) batches.push(batch);
  };
  return { batches, ended: read().catch((error: unknown) => error) };
}

/** Proves that a closed watcher says so, and that its reader got its end. */
async function closedForGood(
  watcher: Watcher,
  reader: { readonly batches: Batch[]; readonly ended: Promise<unknown> },
): Promise<void> {
  assert.equal(await within(1000, 'the end of a reader', reader.ended), undefined, 'a close is not a failure');
  assert.equal(watcher.status.state, 'closed');
  const { version, snapshot } = watcher;
  const { length } = reader.batches;
  await assert.rejects(watcher.ready(), { code: 'CLOSED' });
  await assert.rejects(watcher.read(), { code: 'CLOSED' });
  await turns(5);
  assert.equal(reader.batches.length, length);
  assert.equal(watcher.version, version);
  assert.equal(watcher.snapshot, snapshot);
}

function resources(): string[] {
  return process.getActiveResourcesInfo();
}

/** What there is more of than before. */
function more(now: readonly string[], before: readonly string[]): string[] {
  const rest = [...before];
  return now.filter((each) => {
    const at = rest.indexOf(each);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}
