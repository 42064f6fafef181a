import { type Collection, collect, type Logger } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { type BrokerList, brokerList } from '@rollcall/kafka';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Consul, startConsul } from '../support/consul.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';
import { deregister, expectServersInstances, register } from './consul-instances.js';
import { put, Watching } from './consul-watching.js';

/** How long a mass delete is held before a fresh read decides, ms. */
const HELD_MS = 2_000;
const BROKERS = ['1', '2', '3', '4', '5', '6'];

let consul: Consul;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(() => consul[Symbol.asyncDispose]());

/** What brokers register as. */
interface Kind {
  readonly url: (name: string) => string;
  readonly add: (name: string, brokers: readonly string[]) => Promise<unknown>;
  readonly remove: (name: string, brokers: readonly string[]) => Promise<unknown>;
  readonly expectServersState: (watching: Watching, name: string) => Promise<void>;
}

const KEYS: Kind = {
  url: (name) => `${name}/`,
  add: (name, brokers) => Promise.all(brokers.map((broker) => put(consul, `${name}/${broker}`, `10.0.0.1:${broker}`))),
  remove: (name, brokers) => {
    const body = brokers.map((broker) => ({ KV: { Verb: 'delete', Key: `${name}/${broker}` } }));
    return consul.http('/v1/txn', { method: 'PUT', body });
  },
  expectServersState: (watching) => watching.expectServersState(consul),
};

const INSTANCES: Kind = {
  url: (name) => `?service=${name}`,
  add: (name, brokers) => Promise.all(brokers.map((broker) => register(consul, name, broker, Number(broker)))),
  remove: (name, brokers) => deregister(consul, name, ...brokers),
  expectServersState: (watching, name) => expectServersInstances(watching, consul, name),
};

/** Six brokers, watched through a proxy, and shown under both policies. */
interface Guarded {
  readonly proxy: TcpProxy;
  readonly watching: Watching;
  readonly brokers: BrokerList;
  readonly items: Collection<Uint8Array>;
  readonly warnings: string[];
}

async function guarded(kind: Kind, name: string): Promise<Guarded> {
  await kind.add(name, BROKERS);
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_, message) => void warnings.push(message ?? '') };
  const proxy = await startProxy(consul);
  const watching = await Watching.started(`consul://${proxy.endpoint}/${kind.url(name)}`, { random: 0.05 });
  const brokers = brokerList(watching.watcher, { quietMs: 0, logger });
  const items = collect(watching.watcher, { decode: (value) => value, guard: true, logger });
  onTestFinished(async () => {
    for (const policy of [brokers, items]) await policy.close();
    for (const each of [watching, proxy]) await each[Symbol.asyncDispose]();
  });
  await brokers.ready();
  await items.ready();
  return { proxy, watching, brokers, items, warnings };
}

/** Does something while the watch is cut off. */
async function duringGap({ proxy, watching }: Guarded, run: () => Promise<unknown>): Promise<void> {
  await proxy.cut();
  await watching.stale('UNREACHABLE');
  await run();
  await proxy.resume();
}

const both = (list: number, items: number = list) => ({ list, items });
const held = ({ brokers, items }: Guarded) => both(brokers.held.size, items.held.size);
const shown = ({ brokers, items }: Guarded) => both(brokers.current.length, items.items.size);
const WAIT = { timeout: 10_000, interval: 10 };

describe.each([
  ['keys', KEYS],
  ['instances', INSTANCES],
])('%s', (what, kind) => {
  test('S65 four of six are gone after a gap: held, told, and applied when a read 2 s later confirms it', async () => {
    const name = `confirmed-${what}`;
    const one = await guarded(kind, name);
    await duringGap(one, () => kind.remove(name, ['1', '2', '3', '4']));
    const back = performance.now();
    await expect.poll(() => held(one), WAIT).toEqual(both(4));
    expect(one.watching.model.size).toBe(2);
    expect(shown(one)).toEqual(both(6));
    expect(one.warnings.filter((text) => /they stay until a read confirms it/.test(text))).toHaveLength(2);
    await expect.poll(() => shown(one), WAIT).toEqual(both(2));
    expect(performance.now() - back).toBeGreaterThan(HELD_MS);
    expect(held(one)).toEqual(both(0));
    expect(one.brokers.current).toEqual(['10.0.0.1:5', '10.0.0.1:6']);
    await kind.expectServersState(one.watching, name);
  });

  test('S65 all are gone after a gap, and back before a read confirms it: the list never changed', async () => {
    const name = `back-${what}`;
    const one = await guarded(kind, name);
    const { version } = one.brokers;
    await duringGap(one, () => kind.remove(name, BROKERS));
    await expect.poll(() => held(one), WAIT).toEqual(both(6));
    await kind.add(name, BROKERS);
    await expect.poll(() => held(one), WAIT).toEqual(both(0));
    expect(shown(one)).toEqual(both(6));
    expect(one.brokers.version).toBe(version);
    await kind.expectServersState(one.watching, name);
  });

  test('S65 three of six after a gap, and five of six while the watch is unbroken, are not held', async () => {
    const name = `told-${what}`;
    const one = await guarded(kind, name);
    one.items.onChange(() => expect.soft(held(one)).toEqual(both(0)));
    await duringGap(one, () => kind.remove(name, ['1', '2', '3']));
    await expect.poll(() => shown(one), WAIT).toEqual(both(3));
    await kind.add(name, BROKERS);
    await expect.poll(() => shown(one), WAIT).toEqual(both(6));
    const began = performance.now();
    await kind.remove(name, ['1', '2', '3', '4', '5']);
    await expect.poll(() => shown(one), WAIT).toEqual(both(1));
    expect(performance.now() - began).toBeLessThan(HELD_MS);
    expect(one.warnings).toEqual([]);
    await kind.expectServersState(one.watching, name);
  });
});
