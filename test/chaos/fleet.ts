import { setTimeout as delay } from 'node:timers/promises';
import { createRegistry, type Registry, systemTiming } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';
import type { ChaosBackend, ChaosTarget, Subject } from './backend.js';
import { BACKOFF } from './backoff.js';
import { Bell } from './bell.js';
import type { Difference } from './difference.js';
import { Follower, type Following, type Tally } from './follower.js';
import type { Random } from './random.js';
import type { Manner, Reader } from './reader.js';
import { Sampler } from './sampler.js';
import { Visitors } from './visitors.js';

/** How long all may take to catch up after the faults: the longest backoff as shortened here, and a busy machine. */
const PATIENCE_MS = 45_000;
/** How soon the store is asked again while somebody differs from it: it may be the store that moved on. */
const LOOK_AGAIN_MS = 1_000;
/** Who tells nothing more for this long has taken all that came, ms. */
const QUIET_MS = 200;
/** How the readers of the long-lived watchers read: each target has one of these, in turn. */
const MANNERS: readonly (readonly Manner[])[] = [['prompt'], ['prompt', 'slow'], ['prompt', 'quiet'], ['slow']];

/** Rollcall's watchers, all of one registry: some stay, some come and go, some stall. */
export class Fleet implements Subject {
  readonly #backend: ChaosBackend;
  readonly #random: Random;
  readonly #registry: Registry;
  readonly #following: Following;
  readonly #tally: Tally = { outages: 0, longestStaleMs: 0, longestCloseMs: 0, batches: 0, epochs: 0, codes: {} };
  readonly #bell = new Bell();
  #residents: readonly Follower[] = [];
  #visitors: Visitors | undefined;
  #sampler: Sampler | undefined;
  #blamed: Difference[] = [];
  #states = 0;

  constructor(backend: ChaosBackend, adapter: Adapter, random: Random) {
    this.#backend = backend;
    this.#random = random;
    const jitter = random.fork();
    const timing = { ...systemTiming, random: () => BACKOFF * jitter.next() };
    this.#registry = createRegistry({ adapters: [adapter], timing });
    const { truth } = backend;
    this.#following = { registry: this.#registry, truth, bell: this.#bell, eras: new Map(), tally: this.#tally };
  }

  get counts(): Record<string, unknown> {
    const { outages, longestStaleMs, longestCloseMs, batches, epochs, codes } = this.#tally;
    return {
      watchers: this.#residents.length,
      visitors: this.#visitors?.count ?? 0,
      states: this.#states,
      batches,
      epochs,
      outages,
      connections: this.#backend.connections.total,
      ...this.#sampler?.counts,
      ...this.#backend.counts,
      longestStaleMs: Math.round(longestStaleMs),
      longestCloseMs: Math.round(longestCloseMs),
      staleBecause: codes,
    };
  }

  async begin(): Promise<void> {
    const { targets } = this.#backend;
    this.#residents = targets.map((target, index) => this.#resident(target, MANNERS[index % MANNERS.length] ?? []));
    await Promise.all(this.#residents.map(({ watcher }) => watcher.ready({ timeoutMs: PATIENCE_MS })));
    this.#visitors = new Visitors(targets, this.#following, this.#random.fork());
    this.#sampler = new Sampler(this.#backend.truth, () => this.#present);
  }

  async untilNobodyIsLive(): Promise<void> {
    await this.#until('to be cut off', ({ live }) => !live);
    // What came over a link before it was cut is still taken, a revision at a time: thousands after a burst.
    const revisions = (): string => this.#residents.map(({ watcher }) => watcher.snapshot?.revision).join();
    for (let before = ''; before !== revisions(); await delay(QUIET_MS)) before = revisions();
  }

  untilAllAreLive(): Promise<void> {
    return this.#until('to be live', ({ live }) => live);
  }

  blame(what: string): void {
    this.#blamed.push({ watcher: 'all', what });
  }

  async check(): Promise<Difference[]> {
    await this.#visitors?.pause();
    this.#hurry(true);
    await this.#untilCaughtUp();
    const { truth } = this.#backend;
    const captured = this.#present.map((follower) => follower.capture());
    this.#states += captured.length;
    await truth.catchUp();
    const wrong = await Promise.all(captured.map((compare) => compare()));
    const sampled = (await this.#sampler?.judge()) ?? [];
    const all = [...this.#blamed, ...wrong.flat(), ...sampled, ...(this.#visitors?.checkDeparted() ?? [])];
    this.#blamed = [];
    if (all.length === 0) all.push(...(await this.#backend.inUse()));
    this.#hurry(false);
    this.#visitors?.resume();
    return all;
  }

  async end(): Promise<Difference[]> {
    this.#sampler?.stop();
    await this.#visitors?.close();
    const closed = await Promise.all(this.#residents.map((follower) => follower.close()));
    await this.#backend.truth.catchUp();
    const told = this.#residents.flatMap((follower) => follower.checkTold());
    const departed = this.#visitors?.checkDeparted() ?? [];
    const sampled = (await this.#sampler?.judge()) ?? [];
    await this.#registry.close();
    return [...closed.flat(), ...told, ...departed, ...sampled, ...(await this.#backend.leftovers())];
  }

  get #present(): readonly Follower[] {
    return [...this.#residents, ...(this.#visitors?.present ?? [])];
  }

  get #readers(): readonly Reader[] {
    return this.#present.flatMap(({ readers }) => readers);
  }

  #resident(target: ChaosTarget, manners: readonly Manner[]): Follower {
    return new Follower(target.name, target, manners, this.#following, this.#random.fork());
  }

  #hurry(hurry: boolean): void {
    for (const reader of this.#readers) reader.hurry = hurry;
  }

  /** @throws when it does not come true of all */
  async #until(what: string, isTrueOf: (follower: Follower) => boolean): Promise<void> {
    const others = (): Follower[] => this.#present.filter((follower) => !isTrueOf(follower));
    if (await this.#bell.until(() => others().length === 0, PATIENCE_MS)) return;
    const named = others().map(({ name, watcher }) => `${name}: ${JSON.stringify(watcher.status)}`);
    throw new Error(`Waited ${PATIENCE_MS} ms in vain for all ${what}:\n${named.join('\n')}`);
  }

  /** Leases go on expiring: all must have what was known before the wait, and what is known after it. */
  async #untilCaughtUp(): Promise<void> {
    const { truth } = this.#backend;
    const caughtUp = (): boolean => this.#present.every((follower) => follower.caughtUp);
    const late = performance.now() + PATIENCE_MS;
    do {
      await truth.catchUp();
      await this.#bell.until(caughtUp, LOOK_AGAIN_MS);
      await truth.catchUp();
    } while (!caughtUp() && performance.now() < late);
  }
}
