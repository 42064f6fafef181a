import type { Entry } from '@rollcall/core';
import Consul from 'consul';
import { Bell } from '../bell.js';

interface Pair {
  readonly Key: string;
  readonly Value: Buffer | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface ConsulWatcherOptions {
  readonly waitMs: number;
  readonly token?: string;
  /** One that others ring too. */
  readonly bell?: Bell;
}

/** What is used of `consul`; its own types lack `buffer`. */
interface Client {
  readonly kv: { readonly get: unknown };
  watch(options: { readonly method: unknown; readonly options: object }): {
    on(event: 'change', listener: (pairs: readonly Pair[] | Pair | undefined) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'end', listener: () => void): void;
    removeAllListeners(): void;
    end(): void;
    isRunning(): boolean;
  };
}

/** The negative control: the `Watch` of the package `consul`, on keys, as its documentation shows it. */
export class ConsulWatcher implements Disposable {
  /** Rung at each change, at each error and at the end. */
  readonly bell: Bell;
  readonly #watch: ReturnType<Client['watch']>;
  readonly #prefix: string;
  #state: ReadonlyMap<string, Entry> | undefined;
  #error: Error | undefined;
  #lost = 0;

  /** @param endpoint `host:port` */
  constructor(endpoint: string, prefix: string, { waitMs, token, bell = new Bell() }: ConsulWatcherOptions) {
    this.#prefix = prefix;
    this.bell = bell;
    const [host = '', port] = endpoint.split(':');
    const defaults = token === undefined ? {} : { defaults: { token } };
    const client = new Consul({ host, port: Number(port), ...defaults }) as unknown as Client;
    this.#watch = client.watch({
      method: client.kv.get,
      options: { key: prefix, recurse: true, buffer: true, wait: `${waitMs}ms` },
    });
    this.#watch.on('change', (pairs) => this.#change(pairs));
    this.#watch.on('error', (error) => this.#fail(error));
    this.#watch.on('end', () => this.bell.ring());
  }

  /** Resolves when it has its first state. */
  async ready(): Promise<void> {
    await this.bell.until(() => this.#state !== undefined);
  }

  /** What it knows: keys relative to the prefix. */
  get state(): ReadonlyMap<string, Entry> {
    return this.#state ?? new Map();
  }

  /** The last failure. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Whether it will never tell anything again. */
  get ended(): boolean {
    return !this.#watch.isRunning();
  }

  /** How many keys it has said to be gone. */
  get lost(): number {
    return this.#lost;
  }

  [Symbol.dispose](): void {
    this.#watch.removeAllListeners();
    this.#watch.end();
  }

  #change(pairs: readonly Pair[] | Pair | undefined): void {
    const before = this.state;
    this.#state = new Map((Array.isArray(pairs) ? (pairs as readonly Pair[]) : []).map((pair) => this.#entryOf(pair)));
    this.#lost += [...before.keys()].filter((key) => !this.state.has(key)).length;
    this.bell.ring();
  }

  #entryOf({ Key, Value, CreateIndex, ModifyIndex }: Pair): [string, Entry] {
    const entry = {
      value: Value ?? new Uint8Array(),
      revision: String(ModifyIndex),
      createRevision: String(CreateIndex),
    };
    return [Key.slice(this.#prefix.length), entry];
  }

  #fail(error: Error): void {
    this.#error = error;
    this.bell.ring();
  }
}
