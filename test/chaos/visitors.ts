import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosTarget } from './backend.js';
import { Bell } from './bell.js';
import type { Difference } from './difference.js';
import { Follower, type Following } from './follower.js';
import type { Random } from './random.js';
import type { Manner } from './reader.js';

const AT_ONCE = 4;
const LONGEST_ABSENCE_MS = 2_000;
const LONGEST_VISIT_MS = 8_000;
/** How often one leaves before it has seen anything. */
const AT_THE_DOOR = 0.15;
const MANNERS: readonly Manner[] = ['prompt', 'slow', 'quiet'];

/** Watchers that come and go at random, also in the middle of an outage. */
export class Visitors {
  readonly #targets: readonly ChaosTarget[];
  readonly #following: Following;
  readonly #present = new Set<Follower>();
  readonly #bell = new Bell();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[];
  #departed: Follower[] = [];
  #wrong: Difference[] = [];
  #paused = false;
  #moving = 0;
  #count = 0;

  constructor(targets: readonly ChaosTarget[], following: Following, random: Random) {
    this.#targets = targets;
    this.#following = following;
    this.#running = Array.from({ length: AT_ONCE }, () => this.#run(random.fork()));
  }

  get present(): readonly Follower[] {
    return [...this.#present];
  }

  /** How many came. */
  get count(): number {
    return this.#count;
  }

  /** What is wrong about those who left since the last call. */
  checkDeparted(): Difference[] {
    const wrong = [...this.#wrong, ...this.#departed.flatMap((follower) => follower.checkTold())];
    this.#wrong = [];
    this.#departed = [];
    return wrong;
  }

  /** Nobody comes or goes until `resume`. */
  async pause(): Promise<void> {
    this.#paused = true;
    await this.#bell.until(() => this.#moving === 0);
  }

  resume(): void {
    this.#paused = false;
    this.#bell.ring();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.resume();
    await Promise.all(this.#running);
  }

  async #run(random: Random): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#wait(LONGEST_ABSENCE_MS * random.next());
      if (this.#stopping.signal.aborted) return;
      const follower = this.#come(random);
      await this.#wait(random.chance(AT_THE_DOOR) ? 0 : LONGEST_VISIT_MS * random.next() ** 2);
      await this.#leave(follower);
    }
  }

  #come(random: Random): Follower {
    const target = random.pick(this.#targets);
    const name = `visitor ${++this.#count} of ${target.name}`;
    const follower = new Follower(name, target, [random.pick(MANNERS)], this.#following, random);
    this.#present.add(follower);
    return follower;
  }

  async #leave(follower: Follower): Promise<void> {
    this.#moving++;
    this.#present.delete(follower);
    this.#wrong.push(...(await follower.close()));
    this.#departed.push(follower);
    this.#moving--;
    this.#bell.ring();
  }

  /** At least so long, and until nothing is being checked. */
  async #wait(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    await delay(ms, undefined, { signal }).catch(() => {});
    await this.#bell.until(() => !this.#paused || signal.aborted);
  }
}
