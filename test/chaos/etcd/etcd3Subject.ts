import type { ChaosTarget, Subject, Truth } from '../backend.js';
import { type Difference, differences, type KeyDifference } from '../difference.js';
import { Etcd3Watcher } from './etcd3Watcher.js';
import { scopeOf } from './targets.js';

/** How long it may take to catch up: several of its backoffs. */
const PATIENCE_MS = 15_000;

/** The control under chaos: etcd3's own watchers of the same targets, which are to be found out. */
export class Etcd3Subject implements Subject {
  readonly #endpoints: readonly string[];
  readonly #targets: readonly ChaosTarget[];
  readonly #truth: Truth;
  #watchers: readonly { readonly target: ChaosTarget; readonly watcher: Etcd3Watcher }[] = [];

  /** @param endpoints of the links, `host:port` */
  constructor(endpoints: readonly string[], targets: readonly ChaosTarget[], truth: Truth) {
    this.#endpoints = endpoints;
    this.#targets = targets;
    this.#truth = truth;
  }

  get counts(): Record<string, unknown> {
    return { etcd3: this.#watchers.length, ended: this.#watchers.filter(({ watcher }) => watcher.error).length };
  }

  async begin(): Promise<void> {
    const opened = this.#targets.map(async (target) => ({
      target,
      watcher: await Etcd3Watcher.open(this.#endpoints, scopeOf(target)),
    }));
    this.#watchers = await Promise.all(opened);
  }

  /** It does not tell whether it is. */
  async untilNobodyIsLive(): Promise<void> {}
  async untilAllAreLive(): Promise<void> {}
  /** Only what it says in the end counts. */
  blame(): void {}

  async check(): Promise<Difference[]> {
    await this.#truth.catchUp();
    return (await Promise.all(this.#watchers.map((each) => this.#check(each)))).flat();
  }

  async end(): Promise<Difference[]> {
    await Promise.all(this.#watchers.map(({ watcher }) => watcher[Symbol.asyncDispose]()));
    return [];
  }

  async #check({ target, watcher }: { target: ChaosTarget; watcher: Etcd3Watcher }): Promise<Difference[]> {
    const answer = await this.#truth.answerAt(target);
    const found = (): KeyDifference[] => differences(answer, watcher.state);
    await watcher.bell.until(() => found().length === 0, PATIENCE_MS);
    const what = watcher.error === undefined ? "its state is not the server's" : `it ended: ${watcher.error.message}`;
    const { prefix } = scopeOf(target);
    return found().map(({ key, ...each }) => ({
      watcher: `etcd3 on ${target.name}`,
      what,
      key: prefix + key,
      ...each,
    }));
  }
}
