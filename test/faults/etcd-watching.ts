import {
  type Batch,
  type Change,
  type ConnectOptions,
  compareRevisions,
  createRegistry,
  type Entry,
  keyFromBytes,
  type Logger,
  type Registry,
  type Status,
  systemTiming,
  type Watcher,
} from '@rollcall/core';
import type { Adapter, Delta, Resume, Source, Target, Update } from '@rollcall/core/adapter';
import { silentLogger } from '@rollcall/core/internal';
import { etcdAdapter } from '@rollcall/etcd';
import { expect } from 'vitest';
import { EtcdConnection } from '../../packages/etcd/src/watch/connection.js';
import type { Etcd, EtcdctlOptions } from '../support/etcd.js';

/** How long a test waits for what must come, ms: a busy machine and several backoffs. */
const PATIENCE_MS = 20_000;

/** One call of `Source.watch` by the core, seen from the adapter's side. */
export interface Attempt {
  readonly from: Resume | undefined;
  readonly updates: Update[];
  error?: unknown;
}

/** What a test does to the network at a point of an attempt; the update is handed on afterwards. */
export type OnUpdate = (update: Update, attempt: Attempt, index: number) => void | Promise<void>;

/** Attempts by the prefix that they watch, and who wants to be told of what they yield. */
type Seen = Map<string, { readonly attempts: Attempt[]; readonly told: Set<OnUpdate> }>;

export interface WatchingOptions extends ConnectOptions {
  readonly onUpdate?: OnUpdate;
  /** Which part of each backoff is waited; tests must be neither lucky nor slow. 0.25 unless given. */
  readonly random?: number;
  /** Watches by the registry of this one, and so over its connection where cluster and credentials are the same. */
  readonly beside?: Watching;
}

/**
 * A watch of a real etcd through the public Watcher, with a look at what the adapter yields below, and a model that is
 * made of the told changes alone.
 */
export class Watching implements AsyncDisposable {
  readonly watcher: Watcher;
  /** Those of the prefix, whoever on this registry watches it. */
  readonly attempts: Attempt[];
  readonly batches: Batch[] = [];
  readonly statuses: Status[] = [];
  /** Everything that the registry logged, at every level. */
  readonly log: unknown[];
  /** What a reader knows who only applies changes. */
  readonly model = new Map<string, Entry>();
  readonly #registry: Registry;
  readonly #seen: Seen;
  readonly #ownsRegistry: boolean;
  readonly #wakes = new Set<() => void>();

  constructor(url: string, { onUpdate, random = 0.25, beside, ...options }: WatchingOptions = {}) {
    this.#ownsRegistry = beside === undefined;
    this.#seen = beside === undefined ? new Map() : beside.#seen;
    this.log = beside === undefined ? [] : beside.log;
    const { attempts, told } = seenOf(this.#seen, etcdAdapter.parse(url).target.prefix);
    this.attempts = attempts;
    told.add(async (...seen) => {
      await onUpdate?.(...seen);
      this.#wake();
    });
    this.#registry =
      beside === undefined
        ? createRegistry({
            adapters: [observed(etcdAdapter, this.#seen)],
            timing: { ...systemTiming, random: () => random },
            logger: loggerInto(this.log),
          })
        : beside.#registry;
    this.watcher = this.#registry.watch(url, options);
    this.watcher.onStatus((status) => {
      this.statuses.push(status);
      this.#wake();
    });
    void this.#follow();
  }

  /** A watch past its first batch. */
  static async started(url: string, options?: WatchingOptions): Promise<Watching> {
    const watching = new Watching(url, options);
    await watching.watcher.ready();
    await watching.until('the first batch', () => watching.batches.length === 1);
    return watching;
  }

  /** All changes told so far, in order. */
  get changes(): Change[] {
    return this.batches.flatMap((batch) => batch.changes);
  }

  /** The revisions of all deltas that the adapter yielded, over all attempts. */
  get deltaRevisions(): string[] {
    const updates = this.attempts.flatMap((attempt) => attempt.updates);
    return updates.filter((update) => update.type === 'delta').map((update) => update.revision);
  }

  /** Waits until the condition holds, looking again at each update, batch and change of status. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    while (!holds()) {
      if (late.aborted)
        throw new Error(`Not seen in ${PATIENCE_MS} ms: ${what}. Now ${JSON.stringify(this.watcher.status)}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#wakes.delete(wake);
          late.removeEventListener('abort', wake);
          resolve();
        };
        this.#wakes.add(wake);
        late.addEventListener('abort', wake, { once: true });
      });
    }
  }

  /** Waits until the watch is stale by a failure of this code. */
  async untilStale(code: string): Promise<void> {
    await this.until(`stale by ${code}`, () => {
      const { status } = this.watcher;
      return status.state === 'stale' && status.code === code;
    });
  }

  /** Waits until the reader has been told everything up to a revision that changed a watched key. */
  async untilRevision(revision: string): Promise<void> {
    await this.until(`revision ${revision}`, () => {
      const last = this.batches.at(-1)?.snapshot.revision;
      return last !== undefined && compareRevisions(last, revision) >= 0 && this.watcher.status.state === 'live';
    });
  }

  /** Asserts that the state, and what the changes amount to, equal the server's own answer at the state's revision. */
  async expectServersState(etcd: Etcd, options: EtcdctlOptions = {}): Promise<void> {
    const { prefix, snapshot } = this.watcher;
    if (snapshot === undefined) throw new Error('no state yet');
    const expected = await stateAt(etcd, { prefix, revision: snapshot.revision }, options);
    expect(readable(snapshot.entries)).toEqual(expected);
    expect(readable(this.model)).toEqual(expected);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ownsRegistry ? this.#registry.close() : this.watcher.close();
  }

  async #follow(): Promise<void> {
    try {
      for await (const batch of this.watcher) {
        for (const change of batch.changes) {
          if (change.type === 'put') this.model.set(change.key, change.entry);
          else this.model.delete(change.key);
        }
        this.batches.push(batch);
        this.#wake();
      }
    } catch {
      // A fatal error before the first state; `ready()` tells the test.
    }
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }
}

function seenOf(seen: Seen, prefix: string): { readonly attempts: Attempt[]; readonly told: Set<OnUpdate> } {
  const known = seen.get(prefix) ?? { attempts: [], told: new Set() };
  seen.set(prefix, known);
  return known;
}

/** The adapter with an eye on each attempt. */
function observed(adapter: Adapter, seen: Seen): Adapter {
  return {
    ...adapter,
    open(location, options) {
      // The order of endpoints, and when they are dialled, is chance's; `inOrder` decides the order.
      const timing = { ...options.timing, random: () => Math.random() };
      const source = adapter.open(location, { ...options, timing });
      const watch: Source['watch'] = async function* (target, watchOptions) {
        const { attempts, told } = seenOf(seen, target.prefix);
        const attempt: Attempt = { from: watchOptions.from, updates: [] };
        const index = attempts.push(attempt) - 1;
        try {
          // Without `tell`: what changes nothing is to be seen as well.
          const { tell: _, ...options } = watchOptions;
          for await (const update of source.watch(target, options)) {
            const single = update.type === 'deltas' ? [...update.deltas] : [update];
            for (const one of single) {
              attempt.updates.push(one);
              for (const onUpdate of told) await onUpdate(one, attempt, index);
            }
            yield update.type === 'deltas' ? { type: 'deltas', deltas: single as Delta[] } : update;
          }
        } catch (error) {
          attempt.error = error;
          throw error;
        }
      };
      return {
        supports: source.supports,
        maxSilenceMs: source.maxSilenceMs,
        ...(source.maxProofAgeMs !== undefined && { maxProofAgeMs: source.maxProofAgeMs }),
        watch,
        ...(source.read && { read: source.read.bind(source) }),
        [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
      };
    },
  };
}

function loggerInto(log: unknown[]): Logger {
  const at =
    (level: keyof Logger) =>
    (...line: unknown[]): void =>
      void log.push([level, ...line]);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The source alone, for what the core does not show. */
export function openSource(url: string, options: ConnectOptions = {}): { source: Source; target: Target } {
  const location = etcdAdapter.parse(url);
  return {
    source: etcdAdapter.open(location, { ...options, logger: silentLogger, timing: systemTiming }),
    target: location.target,
  };
}

interface Kv {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
  readonly create_revision: string;
}

/** What etcdctl says the keys under a prefix were, by key after the prefix. */
export async function stateAt(
  etcd: Etcd,
  { prefix, revision }: { prefix: string; revision?: string },
  options: EtcdctlOptions = {},
): Promise<Record<string, string>> {
  const at = revision === undefined ? [] : [`--rev=${revision}`];
  const range = prefix === '' ? ['--from-key', ''] : ['--prefix', prefix];
  const answer = await etcd.etcdctl(['get', ...range, ...at, '-w', 'json'], options);
  const { kvs = [] } = exactJson<{ kvs?: Kv[] }>(answer);
  const skip = Buffer.byteLength(prefix);
  return Object.fromEntries(
    kvs.map(({ key, value = '', mod_revision, create_revision }) => [
      keyFromBytes(Buffer.from(key, 'base64').subarray(skip)),
      `${Buffer.from(value, 'base64').toString('latin1')} @${mod_revision} created ${create_revision}`,
    ]),
  );
}

/** In the form of `stateAt`. */
export function readable(entries: Iterable<readonly [string, Entry]>): Record<string, string> {
  return Object.fromEntries(
    Array.from(entries, ([key, { value, revision, createRevision }]) => [
      key,
      `${Buffer.from(value).toString('latin1')} @${revision} created ${createRevision}`,
    ]),
  );
}

/** etcdctl writes revisions as numbers, and they may be beyond 2^53: read them as text. */
function exactJson<T>(text: string): T {
  return JSON.parse(text.replace(/:(\d+)/g, ':"$1"')) as T;
}

async function revisionOf(answer: Promise<string>): Promise<string> {
  return exactJson<{ header: { revision: string } }>(await answer).header.revision;
}

/** @returns the revision. */
export function put(etcd: Etcd, key: string, value: string, options: EtcdctlOptions = {}): Promise<string> {
  // Without a value etcdctl reads its standard input, which may be large but not empty.
  const command = value === '' ? ['put', key, ''] : ['put', key];
  return revisionOf(etcd.etcdctl([...command, '-w', 'json'], { ...options, input: value }));
}

/** @returns the revision. */
export function del(etcd: Etcd, key: string, options: EtcdctlOptions = {}): Promise<string> {
  return revisionOf(etcd.etcdctl(['del', key, '-w', 'json'], options));
}

/** One transaction of puts and deletes (undefined). @returns the revision. */
export function txn(
  etcd: Etcd,
  changes: Readonly<Record<string, string | undefined>>,
  options: EtcdctlOptions = {},
): Promise<string> {
  const operations = Object.entries(changes).map(([key, value]) =>
    value === undefined ? `del ${key}` : `put ${key} ${value}`,
  );
  // No comparisons, these operations, none otherwise: each part ends with an empty line.
  return revisionOf(etcd.etcdctl(['txn', '-w', 'json'], { ...options, input: `\n${operations.join('\n')}\n\n\n` }));
}

/** Many puts, in any order, by etcd's JSON gateway: a process for each would take too long. */
export async function putMany(etcd: Etcd, count: number, key: (index: number) => string): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const body = JSON.stringify({ key: base64(key(index)), value: base64(`v${index}`) });
      const answer = await fetch(`http://${etcd.endpoint}/v3/kv/put`, { method: 'POST', body });
      if (!answer.ok) throw new Error(await answer.text());
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 16 }, writer));
}

/** A connection as a source opens it. */
export function connectionTo(endpoint: string): EtcdConnection {
  const options = { secure: false, timing: systemTiming };
  return new EtcdConnection(endpoint, 10_000, options, { onVersion: () => {}, onProvenByReads: () => {} });
}
