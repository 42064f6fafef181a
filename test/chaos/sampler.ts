import { setImmediate as turn } from 'node:timers/promises';
import type { Sample, Truth } from './backend.js';
import type { Difference } from './difference.js';
import type { Follower } from './follower.js';

/** How often every watcher is looked at, ms. */
const EVERY_MS = 200;
/** Samples that are judged before other work has its turn. */
const AT_ONCE = 50;

/**
 * Looks at all watchers every 200 ms. Whenever a status is live, the state must be one that the store had at most
 * `maxProofAgeMs` before. The samples are judged at checkpoints, when the store's own account is complete.
 */
export class Sampler {
  readonly #truth: Truth;
  readonly #followers: () => readonly Follower[];
  readonly #timer: NodeJS.Timeout;
  #samples: Sample[] = [];
  #early: Difference[] = [];
  #due = performance.now() + EVERY_MS;
  #looks = 0;
  #judged = 0;
  #failed = 0;

  constructor(truth: Truth, followers: () => readonly Follower[]) {
    this.#truth = truth;
    this.#followers = followers;
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  get counts(): Record<string, number> {
    return { looks: this.#looks, samples: this.#judged, failedSamples: this.#failed };
  }

  /** @returns the samples since the last call whose state the store did not have in time */
  async judge(): Promise<Difference[]> {
    const samples = this.#samples;
    const wrong = this.#early;
    this.#samples = [];
    this.#early = [];
    // Leases expire while nobody writes: the account must reach beyond the last sample.
    await this.#truth.catchUp();
    for (const [index, sample] of samples.entries()) {
      if (index % AT_ONCE === 0) await turn();
      const contradiction = this.#truth.contradiction(sample);
      if (contradiction === undefined) continue;
      const what = `it was live at revision ${sample.snapshot.revision}`;
      wrong.push({ watcher: sample.watcher, what, ...contradiction });
    }
    this.#judged += samples.length;
    this.#failed += wrong.length;
    return wrong;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const at = performance.now();
    // While this process was held no timer could fire, that which ends `live` neither.
    const heldMs = Math.max(0, at - this.#due);
    this.#due = at + EVERY_MS;
    this.#truth.observe();
    for (const { name, target, watcher } of this.#followers()) {
      this.#looks++;
      const { status, snapshot } = watcher;
      if (status.state !== 'live' || snapshot === undefined) continue;
      const since = at - status.maxProofAgeMs - heldMs;
      this.#samples.push({ watcher: name, target, snapshot, at, since, era: this.#truth.era });
      const ageMs = Date.now() - status.provenAt;
      if (ageMs <= status.maxProofAgeMs + heldMs + EVERY_MS) continue;
      this.#early.push({ watcher: name, what: `it was live, and proven ${ageMs} ms ago`, got: JSON.stringify(status) });
    }
  }
}
