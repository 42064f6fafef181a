import { setImmediate as turn } from 'node:timers/promises';
import { createRegistry, type Logger, systemTiming, type WatchError, type Watcher } from '@rollcall/core';
import { createMemoryAdapter } from '@rollcall/local';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type BrokerListOptions, brokerList } from '../src/index.js';
import { BrokerListView } from '../src/list/view.js';
import { FakeGate } from './fakeGate.js';

const opened: { close(): Promise<void> }[] = [];
beforeEach(() => {
  // Time stands still unless a test moves it; turns of the event loop go on.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  if (vi.isFakeTimers()) expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

export async function pass(ms: number): Promise<void> {
  await settle();
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

/** A store `kafka` whose keys are brokers, a watcher of them, and every warning as one line. */
export function setUp() {
  const adapter = createMemoryAdapter();
  const registry = createRegistry({ adapters: [adapter] });
  opened.push(registry);
  const warnings: string[] = [];
  const quiet = (): void => {};
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    warn: (_, text) => void warnings.push(text),
    error: (_, text) => void warnings.push(text),
  };
  const store = adapter.store('kafka');
  const register = (...addresses: string[]): void => {
    for (const address of addresses) store.put(`broker/${address}`, address);
  };
  const withdraw = (...addresses: string[]): void => {
    for (const address of addresses) store.delete(`broker/${address}`);
  };
  const follow = (options: BrokerListOptions = {}, watcher: Watcher = registry.watch('memory:kafka#broker/')) => {
    const brokers = brokerList(watcher, { logger, ...options });
    opened.push(brokers);
    return { brokers, watcher };
  };
  /** A list that asks brokers for their cluster; each waits as long as it may between two rounds. */
  const probing = (options: BrokerListOptions = {}, gate = new FakeGate(options)) => {
    const timing = { ...systemTiming, random: () => 1 };
    const watcher = registry.watch('memory:kafka#broker/');
    const brokers = new BrokerListView(watcher, { logger, timing, probe: true, ...options }, gate);
    opened.push(brokers);
    return { brokers, gate };
  };
  return { registry, store, register, withdraw, follow, probing, warnings };
}

/** What `promise` is now: its value, its error's code, or 'pending'. */
export async function now(promise: Promise<unknown>): Promise<unknown> {
  const pending = settle().then(() => 'pending');
  return Promise.race([promise.catch((error: unknown) => (error as WatchError).code), pending]);
}
