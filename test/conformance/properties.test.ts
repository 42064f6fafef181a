import { setImmediate as turn } from 'node:timers/promises';
import { createRegistry, type Registry, systemTiming } from '@rollcall/core';
import { createMemoryAdapter, type MemoryAdapter, type MemoryWrite } from '@rollcall/local';
import fc from 'fast-check';
import { it } from 'vitest';
import { Modelled, ModelReader } from './model.js';

/** The same runs each time; a failure prints the seed and the path that repeat it alone. */
const PARAMETERS = { seed: Number(process.env.ROLLCALL_TEST_SEED ?? 20_260_101) };

const keys = fc.constantFrom('p/a', 'p/b', 'p/c', 'p/', 'p/\u{1f600}', 'p0', 'q/a');
const write: fc.Arbitrary<MemoryWrite> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('put'), key: keys, value: fc.constantFrom('v', 'w') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete'), key: keys }) },
);
const few = fc.nat(6);

/** What can happen to a store and its readers; a number says how far back, how many, or which. */
const operation = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ type: fc.constant('write'), writes: fc.array(write, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('turns'), by: few }) },
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constantFrom('compact', 'interrupt', 'rewind', 'replay', 'heartbeat', 'stall', 'go', 'join', 'leave'),
      by: few,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wipe'), by: fc.integer({ min: -6, max: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('outage', 'restore', 'silence', 'speak'), by: few }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

it('whatever happens, every batch is one whole state of the store, and the last is its present', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 60 }), async (operations) => {
      const { adapter, registry } = open();
      const world = new World(new Modelled(adapter.store('a')), registry);
      try {
        for (const each of operations) await world.do(each);
        await world.finish();
      } finally {
        await registry.close();
      }
    }),
    { ...PARAMETERS, numRuns: 300 },
  );
});

const swapOperation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('write'), writes: fc.array(write, { minLength: 1 }), store: fc.nat(1) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('swap'), store: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('turns', 'interrupt', 'stall', 'go'), store: fc.nat(1) }) },
);

it('whatever is swapped when, readers are told exactly the difference', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(swapOperation, { minLength: 1, maxLength: 40 }), async (operations) => {
      const { adapter, registry } = open();
      const stores = ['a', 'b'].map((name) => new Modelled(adapter.store(name)));
      const watcher = registry.watch('memory:a#p/');
      // Keeps the watch of a alive, so that a swap back meets a shared one with its old epoch.
      registry.watch('memory:a#p/');
      const models = stores.map(({ model }) => model);
      const readers = [new ModelReader(watcher, models), new ModelReader(watcher, models)];
      let current = stores[0];
      try {
        for (const each of operations) {
          const store = stores[each.store];
          if (each.type === 'write') store?.write(each.writes);
          else if (each.type === 'turns') await turn();
          else if (each.type === 'interrupt') store?.store.interrupt();
          else if (each.type === 'swap') {
            await watcher.swap(`memory:${'ab'[each.store]}#p/`);
            current = store;
          } else readers[each.store]?.[each.type]();
        }
        for (const reader of readers) if (current) await reader.finishes(current.model);
      } finally {
        await registry.close();
      }
    }),
    { ...PARAMETERS, numRuns: 200 },
  );
});

/** A store, its watchers, and the readers of each. */
class World {
  readonly #target: Modelled;
  readonly #registry: Registry;
  readonly #readers: { close(): Promise<void>; reader: ModelReader }[] = [];
  readonly #faults: { outage: (() => void)[]; silence: (() => void)[] } = { outage: [], silence: [] };

  constructor(target: Modelled, registry: Registry) {
    this.#target = target;
    this.#registry = registry;
    for (let which = 0; which < 4; which++) this.#join(which);
  }

  async do(operation: Operation): Promise<void> {
    const { store } = this.#target;
    switch (operation.type) {
      case 'write':
        return this.#target.write(operation.writes);
      case 'turns':
        for (let i = 0; i < operation.by; i++) await turn();
        return;
      case 'compact':
      case 'rewind':
      case 'replay':
      case 'wipe':
        return this.#target[operation.type](operation.by);
      case 'interrupt':
      case 'heartbeat':
        return store[operation.type]();
      case 'outage':
      case 'silence':
        this.#faults[operation.type].push(store[operation.type]());
        return;
      case 'restore':
        return this.#faults.outage.pop()?.();
      case 'speak':
        return this.#faults.silence.pop()?.();
      case 'stall':
      case 'go':
        return this.#readers[operation.by % this.#readers.length]?.reader[operation.type]();
      case 'join':
        return this.#join(operation.by);
      case 'leave':
        await this.#readers.splice(4, 1)[0]?.close();
    }
  }

  async finish(): Promise<void> {
    for (const end of [...this.#faults.outage, ...this.#faults.silence]) end();
    for (const { reader } of this.#readers) await reader.finishes(this.#target.model);
  }

  /** A handle of its own; those with one URL share the watch. */
  #join(which: number): void {
    const watcher = this.#registry.watch(['memory:a#p/', 'memory:a#p/', 'memory:a', 'memory:a#p/a'][which % 4] ?? '');
    const reader = new ModelReader(watcher, [this.#target.model], which % 3 === 1 ? { quietMs: 2, maxQuietMs: 5 } : {});
    this.#readers.push({ close: () => watcher.close(), reader });
  }
}

/** Retries without a wait: how long the waits are is another test's matter. */
function open(): { adapter: MemoryAdapter; registry: Registry } {
  const adapter = createMemoryAdapter();
  return { adapter, registry: createRegistry({ adapters: [adapter], timing: { ...systemTiming, random: () => 0 } }) };
}
