import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { createConsulAdapter } from '@rollcall/consul';
import {
  type Batch,
  type Change,
  type ConnectOptions,
  createRegistry,
  type Entry,
  type Registry,
  type Status,
  systemTiming,
  type Watcher,
} from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';
import { expect } from 'vitest';
import type { Consul } from '../support/consul.js';

/** How long a test waits for what must come, ms: a busy machine and several backoffs. */
const PATIENCE_MS = 20_000;

export interface WatchingOptions extends ConnectOptions {
  /** The wait of a blocking query: short where a test waits for a link to be taken for dead. */
  readonly waitMs?: number;
  /** Which part of each backoff is waited; tests must be neither lucky nor slow. */
  readonly random?: number;
}

/** A watch through the public Watcher, and a model that is made of the told changes alone. */
export class Watching implements AsyncDisposable {
  readonly watcher: Watcher;
  readonly registry: Registry;
  readonly batches: Batch[] = [];
  readonly statuses: Status[] = [];
  /** Everything that was logged. */
  readonly log: unknown[] = [];
  /** What a reader knows who only applies changes. */
  readonly model = new Map<string, Entry>();
  readonly #wakes = new Set<() => void>();

  constructor(url: string, { waitMs = 30_000, random = 0.25, ...options }: WatchingOptions = {}) {
    const keep = (...line: unknown[]): void => void this.log.push(line);
    this.registry = createRegistry({
      adapters: [byChance(createConsulAdapter({ waitMs }))],
      timing: { ...systemTiming, random: () => random },
      logger: { debug: keep, info: keep, warn: keep, error: keep },
    });
    this.watcher = this.registry.watch(url, options);
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

  /** All changes told so far but those of the first batch, as `put key` and `delete key`. */
  get told(): string[] {
    return this.batches.slice(1).flatMap(({ changes }) => changes.map(({ type, key }: Change) => `${type} ${key}`));
  }

  get state(): Status['state'] {
    return this.watcher.status.state;
  }

  /** The code of the failure that makes the state stale, or that keeps it from coming. */
  get code(): string | undefined {
    const { status } = this.watcher;
    return 'error' in status ? status.error?.code : undefined;
  }

  /** Waits until the condition holds, looking again at each batch and change of status. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    while (!holds()) {
      if (late.aborted) {
        throw new Error(`Not seen in ${PATIENCE_MS} ms: ${what}. Now ${JSON.stringify(this.watcher.status)}`);
      }
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

  live(): Promise<void> {
    return this.until('live', () => this.state === 'live');
  }

  stale(code: string): Promise<void> {
    return this.until(`stale by ${code}`, () => this.state === 'stale' && this.code === code);
  }

  /** Waits for a key with this text. */
  value(key: string, text: string): Promise<void> {
    return this.until(`${key}=${text}`, () => textOf(this.model.get(key)) === text);
  }

  /**
   * Asserts that the state equals the server's own answer, and that the changes amount to its values: a change of
   * history that leaves a value as it was is not told.
   */
  async expectServersState(consul: Consul): Promise<void> {
    const { prefix, snapshot } = this.watcher;
    if (snapshot === undefined) throw new Error('no state yet');
    const expected = await kvOf(consul, prefix);
    expect(readable(snapshot.entries)).toEqual(expected);
    const values = Object.entries(expected).map(([key, text]) => [key, text.slice(0, text.lastIndexOf(' @'))]);
    expect(Array.from(this.model, ([key, { value }]) => [key, Buffer.from(value).toString('latin1')]).sort()).toEqual(
      values.sort(),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.registry.close();
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

export const textOf = (entry: Entry | undefined): string | undefined => entry && Buffer.from(entry.value).toString();

interface Pair {
  readonly Key: string;
  readonly Value: string | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** What Consul's HTTP API says the keys under a prefix are, by key after the prefix. */
export async function kvOf(consul: Consul, prefix: string): Promise<Record<string, string>> {
  const { status, body } = await consul.http(`/v1/kv/${encodeURIComponent(prefix)}?recurse`);
  const pairs = status === 404 ? [] : (JSON.parse(body) as Pair[]);
  return Object.fromEntries(
    pairs.map(({ Key, Value, ModifyIndex, CreateIndex }) => [
      Key.slice(prefix.length),
      `${Buffer.from(Value ?? '', 'base64').toString('latin1')} @${ModifyIndex} created ${CreateIndex}`,
    ]),
  );
}

/** In the form of `kvOf`. */
function readable(entries: Iterable<readonly [string, Entry]>): Record<string, string> {
  return Object.fromEntries(
    Array.from(entries, ([key, { value, revision, createRevision }]) => [
      key,
      `${Buffer.from(value).toString('latin1')} @${revision} created ${createRevision}`,
    ]),
  );
}

export async function put(consul: Consul, key: string, value = ''): Promise<void> {
  const { body } = await consul.http(`/v1/kv/${encodeURIComponent(key)}`, { method: 'PUT', body: value });
  if (body.trim() !== 'true') throw new Error(`put ${key}: ${body}`);
}

export async function del(consul: Consul, key: string): Promise<void> {
  await consul.http(`/v1/kv/${encodeURIComponent(key)}`, { method: 'DELETE' });
}

/** A request that this process sent. */
export interface Sent {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Keeps the requests that this process sends to a port. */
export class RequestCount implements Disposable {
  readonly sent: Sent[] = [];
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    subscribe('http.client.request.start', this.#onRequest);
  }

  get count(): number {
    return this.sent.length;
  }

  /** @returns the count. */
  stop(): number {
    unsubscribe('http.client.request.start', this.#onRequest);
    return this.count;
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #onRequest = (message: unknown): void => {
    const { request } = message as { request: ClientRequest };
    if (request.getHeader('host') !== `127.0.0.1:${this.#port}`) return;
    const { method, path } = request;
    this.sent.push({ method, path, headers: request.getHeaders() });
  };
}

/** The order of endpoints, and when they are dialled, is chance's; `inOrder` decides the order. */
function byChance(adapter: Adapter): Adapter {
  const open: Adapter['open'] = (location, options) =>
    adapter.open(location, { ...options, timing: { ...options.timing, random: () => Math.random() } });
  return { ...adapter, open };
}
