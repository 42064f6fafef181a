/** Writes that are older say nothing about a state that counts as current, ms. */
const OLD_MS = 60_000;

/** One write of a key, or a deletion. */
export interface KeyWrite {
  readonly value: string | undefined;
  /** Its effect cannot be older: monotonic, ms. */
  readonly sentAt: number;
  /** Its effect is there since then at the latest; Infinity while that is not known. */
  doneAt: number;
}

/** The last writes of each key, for what a store can have held when. */
export class Written {
  readonly #keys = new Map<string, KeyWrite[]>();

  /** @returns to be called when the store says that it is done */
  sent(key: string, value: string | undefined): () => void {
    const write: KeyWrite = { value, sentAt: performance.now(), doneAt: Number.POSITIVE_INFINITY };
    const writes = this.#keys.get(key) ?? [];
    this.#keys.set(key, [...writes, write]);
    return () => {
      write.doneAt = performance.now();
    };
  }

  /** Nothing is under way: the store holds this. */
  settle(held: ReadonlyMap<string, string>): void {
    const now = performance.now();
    for (const key of new Set([...this.#keys.keys(), ...held.keys()])) {
      const writes = this.#of(key);
      const first = writes.findLastIndex(({ doneAt }) => doneAt <= now - OLD_MS);
      this.#keys.set(key, [...writes.slice(Math.max(0, first)), { value: held.get(key), sentAt: now, doneAt: now }]);
    }
  }

  /**
   * Whether a key can have had a value at some time between `since` and `until`: it was written before `until`, and no
   * write that was sent after that one was answered is known to be done before `since`.
   */
  canHaveHeld(key: string, value: string | undefined, since: number, until: number): boolean {
    const writes = this.#of(key);
    return writes.some((write) => write.value === value && write.sentAt <= until && !superseded(write, writes, since));
  }

  /** Keys that are known, within a scope. */
  keys(isWithin: (key: string) => boolean): string[] {
    return [...this.#keys.keys()].filter(isWithin);
  }

  #of(key: string): readonly KeyWrite[] {
    return this.#keys.get(key) ?? [];
  }
}

function superseded({ doneAt }: KeyWrite, writes: readonly KeyWrite[], since: number): boolean {
  return writes.some((later) => later.sentAt > doneAt && later.doneAt <= since);
}
