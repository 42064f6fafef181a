import type { ConnectOptions } from '@rollcall/core';
import { createRegistry } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';
import { expect } from 'vitest';
import { Sampler, stateOf, Truth, textOf } from './sampler.js';

const CHANGES = 200;
/** How many keys there are at a time, so that most writes change or delete one. */
const KEYS = 12;
/** A write every so often, ms: 200 of them take about 5 s. */
const EVERY_MS = 25;
const PATIENCE_MS = 40_000;

/** A store, and what stands between it and a watch. */
export interface Between {
  readonly url: string;
  readonly adapter: Adapter;
  readonly options?: ConnectOptions;
  /** Writes to the store itself, past what stands between. */
  write(key: string, value: string | undefined): Promise<void>;
  /** What a watch calls a key and a value that are written so. Default: the same. */
  told?(key: string, value: string): readonly [key: string, value: string];
  /** The store's own answer, past what stands between, as a watch is to tell it. */
  list(): Promise<ReadonlyMap<string, string>>;
  /** Restarts what stands between. */
  restartBetween?(): Promise<void>;
  /** Restarts the store, with its data. */
  restartStore?(): Promise<void>;
  /** Leads to another store from now on. */
  move?(): Promise<void>;
}

export interface Followed {
  readonly samples: number;
  readonly live: number;
}

/** Reads, sees 200 changes with deletes, survives restarts, and is equal to the store's own answer in the end. */
export async function follow(between: Between): Promise<Followed> {
  const registry = createRegistry({ adapters: [between.adapter] });
  const truth = new Truth();
  truth.replace(await between.list());
  try {
    const watcher = registry.watch(between.url, between.options);
    await watcher.ready({ fresh: true, timeoutMs: PATIENCE_MS });
    const { entries } = await watcher.read();
    expect(textOf([...entries].map(([key, { value }]) => [key, Buffer.from(value).toString()]))).toBe(
      textOf(await between.list()),
    );
    using sampler = new Sampler(watcher, truth);
    const whole = async (when: string): Promise<void> => {
      const own = textOf(await between.list());
      const seen = (): string => (watcher.status.state === 'live' ? stateOf(watcher) : watcher.status.state);
      for (const late = performance.now() + PATIENCE_MS; seen() !== own; ) {
        if (performance.now() > late) throw new Error(`${when}: ${own}, but the watch has ${seen()}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    for (let i = 0; i < CHANGES; i++) {
      if (i === 60 && between.restartBetween) {
        await between.restartBetween();
        await whole('after what stands between was restarted');
      }
      if (i === 100 && between.move) {
        await between.move();
        truth.replace(await between.list());
        await whole('after it leads to another store');
      }
      if (i === 130 && between.restartStore) {
        await between.restartStore();
        await whole('after the store was restarted');
      }
      const key = `k${i % KEYS}`;
      const value = i % 5 === 4 ? undefined : `value ${i}`;
      const [toldKey, toldValue] = between.told?.(key, value ?? '') ?? [key, value];
      const answered = truth.write(toldKey, value === undefined ? undefined : toldValue);
      await between.write(key, value);
      answered();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    await whole('in the end');
    const [failure] = sampler.failures;
    if (failure !== undefined) throw new Error(`${sampler.failures.length} samples failed: ${failure}`);
    expect(sampler.live).toBeGreaterThan(10);
    return { samples: sampler.samples, live: sampler.live };
  } finally {
    await registry.close();
  }
}
