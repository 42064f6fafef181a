import type { Entry } from '@rollcall/core';
import { Etcd3, type IKeyValue } from 'etcd3';
import { Bell } from '../bell.js';
import type { Scope } from './history.js';

type Watch = Awaited<ReturnType<ReturnType<Etcd3['watch']>['create']>>;

/**
 * The negative control: etcd3's own high-level watcher, as well used as it can be. All keys are read, it watches from the
 * revision after that, and its events are applied; it says of itself that it replays changes when it reconnects.
 */
export class Etcd3Watcher implements AsyncDisposable {
  /** What it knows: keys relative to the scope's prefix. */
  readonly state = new Map<string, Entry>();
  /** Rung at each event and when it has ended. */
  readonly bell = new Bell();
  readonly #client: Etcd3;
  readonly #prefix: string;
  #watch: Watch | undefined;
  #error: Error | undefined;

  private constructor(endpoints: readonly string[], prefix: string) {
    this.#client = new Etcd3({ hosts: [...endpoints] });
    this.#prefix = prefix;
  }

  /** @param endpoints `host:port` */
  static async open(endpoints: readonly string[], { prefix, exact }: Scope): Promise<Etcd3Watcher> {
    const watcher = new Etcd3Watcher(endpoints, prefix);
    await watcher.#begin(exact);
    return watcher;
  }

  /** Why it has ended, if it has. */
  get error(): Error | undefined {
    return this.#error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Cancelling never settles while it is disconnected, and closing the client alone leaves it reconnecting.
    this.#watch?.removeAllListeners();
    void this.#watch?.cancel().catch(() => {});
    this.#client.close();
  }

  async #begin(exact: boolean): Promise<void> {
    const { header, kvs } = await (exact
      ? this.#client.get(this.#prefix).exec()
      : this.#client.getAll().prefix(this.#prefix).exec());
    for (const kv of kvs) this.#put(kv);
    const builder = this.#client.watch().startRevision(String(BigInt(header.revision) + 1n));
    const watch = await (exact ? builder.key(this.#prefix) : builder.prefix(this.#prefix)).create();
    watch.on('put', (kv) => this.#put(kv));
    watch.on('delete', (kv) => {
      this.state.delete(this.#relative(kv));
      this.bell.ring();
    });
    watch.on('error', (error) => {
      this.#error = error;
      this.bell.ring();
    });
    this.#watch = watch;
  }

  #put(kv: IKeyValue): void {
    const { value, mod_revision, create_revision } = kv;
    this.state.set(this.#relative(kv), { value, revision: mod_revision, createRevision: create_revision });
    this.bell.ring();
  }

  #relative({ key }: IKeyValue): string {
    return key.toString().slice(this.#prefix.length);
  }
}
