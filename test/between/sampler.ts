import type { Watcher } from '@rollcall/core';

/** How often the status is looked at, ms. */
const EVERY_MS = 200;

/** The states that one writer has made, in order. */
export class Truth {
  readonly #states: { readonly text: string; answeredAt: number }[] = [];
  readonly #held = new Map<string, string>();

  constructor() {
    this.#states.push({ text: textOf(this.#held), answeredAt: performance.now() });
  }

  /** A write that goes out now. @returns to be called when the store has answered it. */
  write(key: string, value: string | undefined): () => void {
    if (value === undefined) this.#held.delete(key);
    else this.#held.set(key, value);
    const state = { text: textOf(this.#held), answeredAt: Number.POSITIVE_INFINITY };
    this.#states.push(state);
    return () => {
      state.answeredAt = performance.now();
    };
  }

  /** Another store stands behind the same address now. */
  replace(held: ReadonlyMap<string, string>): void {
    this.#held.clear();
    for (const [key, value] of held) this.#held.set(key, value);
    this.#states.push({ text: textOf(this.#held), answeredAt: performance.now() });
  }

  /** Whether the store had this state at that time, or later. */
  had(text: string, since: number): boolean {
    const last = this.#states.findLastIndex(({ answeredAt }) => answeredAt <= since);
    return this.#states.slice(Math.max(0, last)).some((state) => state.text === text);
  }
}

export function textOf(entries: Iterable<readonly [string, string]>): string {
  return JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function stateOf(watcher: Watcher): string {
  const entries = [...(watcher.snapshot?.entries ?? [])];
  return textOf(entries.map(([key, { value }]) => [key, Buffer.from(value).toString()]));
}

/**
 * Looks at a watcher every 200 ms: whenever its status is live, its state is one that the store had at most as long ago
 * as the status says.
 */
export class Sampler implements Disposable {
  readonly #timer: NodeJS.Timeout;
  readonly failures: string[] = [];
  samples = 0;
  live = 0;

  constructor(watcher: Watcher, truth: Truth) {
    this.#timer = setInterval(() => this.#look(watcher, truth), EVERY_MS);
  }

  #look(watcher: Watcher, truth: Truth): void {
    const { status } = watcher;
    this.samples++;
    if (status.state !== 'live') return;
    this.live++;
    const since = performance.now() - status.maxProofAgeMs;
    const state = stateOf(watcher);
    if (!truth.had(state, since))
      this.failures.push(`live with ${state}, which the store did not have within ${status.maxProofAgeMs} ms`);
    const ageMs = Date.now() - status.provenAt;
    if (ageMs > status.maxProofAgeMs + EVERY_MS) this.failures.push(`live, and proven ${ageMs} ms ago`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
