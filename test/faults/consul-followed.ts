import type { Consul } from '../support/consul.js';
import { expectServersInstances, keyOf, portOf, register } from './consul-instances.js';
import { put, type Watching } from './consul-watching.js';

/**
 * Sets one key and registers one instance, each with this number. Each waits for 15 s, longer than the 7 s for which servers
 * without a leader hold a write: one that is given up sooner may be done after later ones.
 */
export async function write(server: Consul, name: string, id: string, number: number): Promise<void> {
  await put(server, `${name}/${id}`, String(number));
  await register(server, name, id, number);
}

/** The keys under a prefix and the instances of a service, both of one name, watched at the same addresses. */
export class Followed implements AsyncDisposable {
  readonly keys: Watching;
  readonly instances: Watching;
  readonly #name: string;

  private constructor(name: string, keys: Watching, instances: Watching) {
    this.keys = keys;
    this.instances = instances;
    this.#name = name;
  }

  /**
   * Both past their first batch.
   * @param open a watch of what is given, as `kafka/` or `?service=kafka`
   */
  static async started(name: string, open: (what: string) => Watching): Promise<Followed> {
    const followed = new Followed(name, open(`${name}/`), open(`?service=${name}`));
    for (const watching of followed.both) {
      await watching.watcher.ready();
      await watching.until('the first batch', () => watching.batches.length === 1);
    }
    return followed;
  }

  get both(): readonly [Watching, Watching] {
    return [this.keys, this.instances];
  }

  /** What each was told since its first batch, as ids of `write`: `put 1`, `delete 1`. */
  get told(): readonly [keys: string[], instances: string[]] {
    return [this.keys.told, this.instances.told.map((change) => change.replace(keyOf(this.#name, ''), ''))];
  }

  /** Waits until both are stale, whatever the reason. */
  async stale(): Promise<void> {
    for (const watching of this.both) await watching.until('stale', () => watching.state === 'stale');
  }

  /** Waits until both have been stale, be it for a moment. */
  async wasStale(): Promise<void> {
    for (const watching of this.both) {
      await watching.until('stale once', () => watching.statuses.some(({ state }) => state === 'stale'));
    }
  }

  /** Waits until both have what `write` wrote, and are live. */
  async number(id: string, number: number): Promise<void> {
    await this.keys.value(id, String(number));
    await this.instances.until(
      `${id}=${number}`,
      () => portOf(this.instances.model.get(keyOf(this.#name, id))) === number,
    );
    for (const watching of this.both) await watching.live();
  }

  /** Asserts that both have the server's own state. */
  async expectServersState(server: Consul): Promise<void> {
    await this.keys.expectServersState(server);
    await expectServersInstances(this.instances, server, this.#name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watching of this.both) await watching[Symbol.asyncDispose]();
  }
}
