import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter } from '../adapter/source.js';
import { keyFromBytes, keyToBytes } from '../model/keys.js';
import type { WatchOptions } from '../model/options.js';
import type { Entry, ReadOptions, Status, Watcher } from '../model/types.js';
import { systemTiming } from '../runtime/timing.js';
import { createRegistry, type Registry, type RegistryOptions } from '../watch/registry.js';
import { Follower } from './follower.js';
import type { Backend, Harness, Write } from './harness.js';
import { within, withPatience } from './patience.js';

/** `close()` and every abort settle within this time, in every state (promise 10). */
const CLOSE_MS = 1000;

/** The most watchers whose status a failure shows. */
const MOST_SHOWN = 5;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What one scenario works with: an empty backend, and registries that are closed at its end. */
export class ScenarioContext implements AsyncDisposable {
  readonly harness: Harness;
  readonly backend: Backend;
  readonly #registries: Registry[] = [];
  readonly #watchers: Watcher[] = [];
  readonly #folders: string[] = [];

  constructor(harness: Harness, backend: Backend) {
    this.harness = harness;
    this.backend = backend;
  }

  /** A registry with the backend's adapter, or one that wraps it. */
  registry(options: Omit<RegistryOptions, 'adapters'> & { adapter?: Adapter } = {}): Registry {
    const { adapter = this.backend.adapter, ...rest } = options;
    const adapters = [this.harness.needsRealTime ? onRealTime(adapter) : adapter];
    const registry = createRegistry({ ...rest, adapters });
    this.#registries.push(registry);
    return registry;
  }

  /** An empty folder, removed at the end. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-conformance-'));
    this.#folders.push(folder);
    return folder;
  }

  /** The URL of a key; of a prefix if the key ends in `/` or is empty. */
  url(key: string): string {
    return this.backend.url(percentEncode(key));
  }

  watch(key: string, options?: WatchOptions, registry: Registry = this.registry()): Watcher {
    const watcher = registry.watch(this.url(key), options);
    this.#watchers.push(watcher);
    return watcher;
  }

  /** The scenario's error, with the status of its watchers: the reason of a wait that failed. */
  explained(error: unknown): unknown {
    if (!(error instanceof Error) || this.#watchers.length === 0) return error;
    const shown = this.#watchers.slice(-MOST_SHOWN).map(({ prefix, version, status }) => {
      const why = 'error' in status ? ` ${status.error.code}: ${status.error.message}` : '';
      return `\n  "${prefix}" is ${status.state}, at version ${version}${why}`;
    });
    error.message += `\nThe last watchers:${shown.join('')}`;
    return error;
  }

  /** A watcher and its reader, after the first batch. */
  async follow(key: string, options: ReadOptions = {}): Promise<{ watcher: Watcher; follower: Follower }> {
    const watcher = this.watch(key);
    const follower = new Follower(watcher, options);
    await follower.next();
    return { watcher, follower };
  }

  put(key: string, text = ''): Promise<void> {
    return this.backend.put(key, bytes(text));
  }

  delete(key: string): Promise<void> {
    return this.backend.delete(key);
  }

  /** Puts many keys, a hundred in a transaction where the backend has transactions. */
  async putAll(keys: Iterable<string>, text = ''): Promise<void> {
    const writes = [...keys].map((key): Write => ({ type: 'put', key, value: bytes(text) }));
    for (let at = 0; at < writes.length; at += 100) await this.write(writes.slice(at, at + 100));
  }

  /** Makes the writes: in one transaction if the backend has transactions, otherwise one after another. */
  async write(writes: readonly Write[]): Promise<void> {
    if (this.backend.transaction) return this.backend.transaction(writes);
    for (const write of writes) {
      await (write.type === 'put' ? this.backend.put(write.key, write.value) : this.backend.delete(write.key));
    }
  }

  /** Reads until the state equals the backend's own answer. */
  async converges(follower: Follower, prefix: string): Promise<void> {
    const expected = await this.#answer(prefix);
    try {
      await follower.until(() => sameContent(follower.state, expected));
    } catch (error) {
      assert.deepEqual(contentOf(follower.state), expected, `${(error as Error).message} The state never came to be`);
    }
  }

  /** Asserts that the state equals the backend's own answer. */
  async equalsServer(entries: Iterable<[string, Entry]>, prefix: string): Promise<void> {
    assert.deepEqual(contentOf(entries), await this.#answer(prefix), 'the state is the backend’s own');
  }

  /** Waits for a status. */
  status(watcher: Watcher, wanted: string, is: (status: Status) => boolean): Promise<Status> {
    let stop = (): void => {};
    const reached = new Promise<Status>((resolve) => {
      const look = (status: Status): void => {
        if (is(status)) resolve(status);
      };
      stop = watcher.onStatus(look);
      look(watcher.status);
    });
    return withPatience(`the status ${wanted}`, reached).finally(stop);
  }

  /** Makes the backend unreachable, and waits until the watchers are stale. @returns ends the outage. */
  async outage(...watchers: Watcher[]): Promise<() => Promise<void>> {
    const restore = await this.need('outage')();
    for (const watcher of watchers) {
      const status = await this.status(watcher, 'stale', ({ state }) => state === 'stale');
      const code = 'error' in status ? status.error.code : undefined;
      assert.ok(code !== 'INTERNAL' && code !== 'ENDED', `an outage has a clear code, and not ${code}`);
    }
    return restore;
  }

  /** Waits until the watchers are live. */
  async live(...watchers: Watcher[]): Promise<void> {
    await Promise.all(watchers.map((each) => this.status(each, 'live', ({ state }) => state === 'live')));
  }

  /** Asserts that a close settles within 1 s. */
  closes(closing: Promise<unknown>): Promise<unknown> {
    return within(CLOSE_MS, 'a close', closing);
  }

  /** An optional function of the backend. @throws if the harness does not have it. */
  need<K extends 'transaction' | 'outage' | 'stall' | 'answerBadly' | 'wipe' | 'compact' | 'replay'>(
    name: K,
  ): NonNullable<Backend[K]> {
    const found = this.backend[name]?.bind(this.backend);
    assert.ok(found, `The harness ${this.harness.name} has no ${name}(): add it, or skip this scenario with a reason.`);
    return found as NonNullable<Backend[K]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#registries.map((registry) => registry.close()));
    await this.backend[Symbol.asyncDispose]();
    for (const folder of this.#folders) await rm(folder, { recursive: true });
  }

  async #answer(prefix: string): Promise<Map<string, string>> {
    const cut = keyToBytes(prefix).length;
    const listed = await this.backend.list(prefix);
    const relative = [...listed].map(
      ([key, value]) => [keyFromBytes(keyToBytes(key).subarray(cut)), hex(value)] as const,
    );
    return new Map(relative.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The adapter with real timers. Its clock is the registry's: `asOf` must be comparable with the core's times. */
function onRealTime(adapter: Adapter): Adapter {
  return {
    ...adapter,
    parse: (url) => adapter.parse(url),
    open: (location, { timing, ...options }) =>
      adapter.open(location, { ...options, timing: { ...timing, schedule: systemTiming.schedule } }),
  };
}

/** Percent-encodes every byte that could mean something in a URL. */
function percentEncode(key: string): string {
  return [...keyToBytes(key)]
    .map((byte) => String.fromCharCode(byte))
    .map((char) => (/[a-z0-9/_.~-]/i.test(char) ? char : `%${Buffer.from(char, 'latin1').toString('hex')}`))
    .join('');
}

function contentOf(entries: Iterable<readonly [string, Entry]>): Map<string, string> {
  const content = [...entries].map(([key, { value }]) => [key, hex(value)] as const);
  return new Map(content.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sameContent(state: ReadonlyMap<string, Entry>, expected: ReadonlyMap<string, string>): boolean {
  if (state.size !== expected.size) return false;
  for (const [key, { value }] of state) if (expected.get(key) !== hex(value)) return false;
  return true;
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}
