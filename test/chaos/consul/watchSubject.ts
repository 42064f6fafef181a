import type { Subject } from '../backend.js';
import { type Difference, differences, type KeyDifference } from '../difference.js';
import { ConsulWatcher } from './consulWatcher.js';
import type { Ledger } from './ledger.js';
import type { ConsulTarget } from './targets.js';

/** How long it may take to catch up: several of its backoffs. */
const PATIENCE_MS = 15_000;

interface Watched {
  readonly target: ConsulTarget;
  readonly prefix: string;
  readonly watcher: ConsulWatcher;
}

/** The control under chaos: the `Watch` of the package `consul` on the same prefixes, which is to be found out. */
export class WatchSubject implements Subject {
  readonly #endpoint: string;
  readonly #targets: readonly ConsulTarget[];
  readonly #truth: Ledger;
  readonly #waitMs: number;
  #watchers: readonly Watched[] = [];

  /** @param endpoint of one link, `host:port`: it knows no others */
  constructor(endpoint: string, targets: readonly ConsulTarget[], truth: Ledger, waitMs: number) {
    this.#endpoint = endpoint;
    this.#targets = targets;
    this.#truth = truth;
    this.#waitMs = waitMs;
  }

  get counts(): Record<string, unknown> {
    return { consul: this.#watchers.length, ended: this.#watchers.filter(({ watcher }) => watcher.ended).length };
  }

  async begin(): Promise<void> {
    this.#watchers = this.#targets.flatMap((target) => {
      const { asks } = target;
      if (asks.kind !== 'kv' || asks.exact) return [];
      const { prefix } = asks;
      return [{ target, prefix, watcher: new ConsulWatcher(this.#endpoint, prefix, { waitMs: this.#waitMs }) }];
    });
    await Promise.all(this.#watchers.map(({ watcher }) => watcher.ready()));
  }

  /** It does not tell whether it is. */
  async untilNobodyIsLive(): Promise<void> {}
  async untilAllAreLive(): Promise<void> {}
  /** Only what it says in the end counts. */
  blame(): void {}

  async check(): Promise<Difference[]> {
    return (await Promise.all(this.#watchers.map((each) => this.#check(each)))).flat();
  }

  async end(): Promise<Difference[]> {
    for (const { watcher } of this.#watchers) watcher[Symbol.dispose]();
    return [];
  }

  async #check({ target, prefix, watcher }: Watched): Promise<Difference[]> {
    await this.#truth.catchUp();
    const answer = await this.#truth.answerAt(target);
    const found = (): KeyDifference[] => differences(answer, watcher.state);
    await watcher.bell.until(() => found().length === 0, PATIENCE_MS);
    const what = watcher.ended ? `it ended: ${watcher.error?.message}` : "its state is not Consul's";
    return found().map(({ key, ...each }) => ({
      watcher: `consul's Watch on ${target.name}`,
      what,
      key: prefix + key,
      ...each,
      events: this.#truth.lastEvents(prefix + key),
    }));
  }
}
