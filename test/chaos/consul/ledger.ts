import type { Entry, Snapshot } from '@rollcall/core';
import type { Consul } from '../../support/consul.js';
import type { Account, ChaosTarget, Contradiction, Sample, Truth } from '../backend.js';
import { differences } from '../difference.js';
import { AnswerAccount } from './account.js';
import { answerOf } from './answers.js';
import { isOfAgent, isSteady } from './names.js';
import type { Operation } from './operations.js';
import type { ConsulTarget } from './targets.js';
import { Upheavals } from './upheavals.js';
import type { Outcome, WriteLog } from './writer.js';
import { Written } from './written.js';

type Answer = ReadonlyMap<string, Entry>;

/** Operations that are kept of each key, for people. */
const EVENTS = 6;

/**
 * What may have happened, as the writer says, and what Consul answers. Consul keeps no history, so what was told is held
 * against the answers at checkpoints, and in between against what cannot have happened at all.
 */
export class Ledger implements Truth, WriteLog {
  readonly #servers: readonly Consul[];
  readonly #targets: readonly ConsulTarget[];
  readonly #began = performance.now();
  readonly #events = new Map<string, string[]>();
  /** Since when keys and instances may have been deleted, after the last checkpoint. */
  readonly #removed = new Map<string, number>();
  readonly #written = new Written();
  readonly #underWay = new Map<Operation, readonly (() => void)[]>();
  #before: ReadonlyMap<ChaosTarget, Answer> = new Map();
  #now: ReadonlyMap<ChaosTarget, Answer> = new Map();
  #era = 1;
  readonly #checkpoints = [0];
  readonly #restores = new Upheavals();
  readonly #elections = new Upheavals();

  constructor(servers: readonly Consul[], targets: readonly ConsulTarget[]) {
    this.#servers = servers;
    this.#targets = targets;
  }

  get era(): number {
    return this.#era;
  }

  checkpointBefore(at: number): number {
    return this.#checkpoints.findLast((checkpoint) => checkpoint <= at) ?? 0;
  }

  sent(operation: Operation): void {
    const { removes, writes = new Map<string, string | undefined>() } = operation;
    this.#underWay.set(
      operation,
      Array.from(writes, ([key, value]) => this.#written.sent(key, value)),
    );
    for (const name of removes) if (!this.#removed.has(name)) this.#removed.set(name, performance.now());
  }

  done(operation: Operation, kind: string, outcome: Outcome): void {
    // A server that repeats a check-and-set by itself, as after an election, is refused for what it wrote the first time.
    if (outcome === 'done') for (const done of this.#underWay.get(operation) ?? []) done();
    this.#underWay.delete(operation);
    for (const name of operation.about) this.#note(name, `${kind}: ${outcome}`);
  }

  /** From now on the store may hold an earlier state. */
  restoring(): void {
    this.#era++;
    this.#restores.begin();
  }

  /** From now on another server may lead. */
  electing(): void {
    this.#elections.begin();
  }

  wasRestored(since: number, until: number): boolean {
    return this.#restores.touch(since, until);
  }

  hadElection(since: number, until: number): boolean {
    return this.#elections.touch(since, until);
  }

  async catchUp(): Promise<void> {
    const answers = this.#targets.map(async (target) => [target, await this.#ask(target)] as const);
    const now = new Map<ChaosTarget, Answer>(await Promise.all(answers));
    this.#before = this.#now;
    this.#now = now;
  }

  isCurrent(target: ChaosTarget, { entries }: Snapshot): boolean {
    return differences(this.#now.get(target) ?? new Map(), new Map(entries), target.same).length === 0;
  }

  /**
   * What Consul answered last; with a revision, what it had answered when that was taken down, before the last `catchUp`: checks
   * lapse and agents repair the catalog also while nobody writes.
   */
  async answerAt(target: ChaosTarget, revision?: string): Promise<Answer> {
    return (revision === undefined ? this.#now : this.#before).get(target) ?? new Map();
  }

  account(watcher: string, target: ChaosTarget, prompt: boolean): Account {
    const { asks, lags } = this.#known(target);
    return new AnswerAccount({ watcher, asks, lags, prompt, ledger: this });
  }

  /** The writer's log says what was in the store when. */
  observe(): void {}

  /** Only of keys, by the writer's log: services change by themselves, and a restore brings back any value. */
  contradiction({ target, snapshot, since, at }: Sample): Contradiction | undefined {
    const { asks } = this.#known(target);
    if (asks.kind !== 'kv' || this.wasRestored(since, at)) return undefined;
    for (const key of this.#written.keys((each) => isWithin(asks, each))) {
      const entry = snapshot.entries.get(key.slice(asks.prefix.length));
      const value = entry && Buffer.from(entry.value).toString();
      if (this.#written.canHaveHeld(key, value, since, at)) continue;
      const got = `${JSON.stringify(value?.slice(0, 40))}, as never from ${this.timeOf(since)} to ${this.timeOf(at)}`;
      return { key, got, events: this.lastEvents(key) };
    }
    return undefined;
  }

  mayHaveGone(name: string, at: number): boolean {
    // A restore brings back what the client agent knows to be gone; it repairs the catalog a minute or two later.
    if (this.#era > 1 && isOfAgent(name)) return true;
    return (this.#removed.get(name) ?? at) < at || (this.wasRestored(this.checkpointBefore(at), at) && !isSteady(name));
  }

  timeOf(at: number): string {
    return `${((at - this.#began) / 1000).toFixed(1)} s`;
  }

  /** @param key whole, with the prefix */
  lastEvents(key: string): string[] {
    return this.#events.get(key) ?? [];
  }

  forget(): void {
    this.#removed.clear();
    this.#restores.end();
    this.#elections.end();
    this.#written.settle(this.#heldKeys());
    this.#checkpoints.push(performance.now());
  }

  /** All keys that are watched, with their values. */
  #heldKeys(): Map<string, string> {
    const held = new Map<string, string>();
    for (const [target, answer] of this.#now) {
      const { asks } = this.#known(target);
      if (asks.kind !== 'kv') continue;
      for (const [key, { value }] of answer) held.set(asks.prefix + key, Buffer.from(value).toString());
    }
    return held;
  }

  /** Any server's word is the leader's. */
  async #ask({ asks }: ConsulTarget): Promise<Answer> {
    let failure: unknown;
    for (const server of this.#servers) {
      try {
        return await answerOf(server, asks);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #known(target: ChaosTarget): ConsulTarget {
    const known = this.#targets.find((each) => each === target);
    if (known === undefined) throw new Error(`${target.name} is not watched here`);
    return known;
  }

  #note(name: string, outcome: string): void {
    const events = this.#events.get(name) ?? [];
    events.push(`${this.timeOf(performance.now())}  ${outcome}`);
    this.#events.set(name, events.slice(-EVENTS));
  }
}

function isWithin({ prefix, exact }: { readonly prefix: string; readonly exact: boolean }, key: string): boolean {
  return exact ? key === prefix : key.startsWith(prefix);
}
