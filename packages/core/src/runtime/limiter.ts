/** Limits how many of one kind of work run at once. First come, first served. */
export class Limiter {
  readonly #size: number;
  readonly #queue = new Set<() => void>();
  #busy = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Waits for room. @returns gives the room back; call it once. @throws the signal's reason. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#busy < this.#size) this.#busy++;
    // The room is handed over by the work that ends: `#busy` stays the same.
    else await this.#turn(signal);
    let left = false;
    return () => {
      if (!left) this.#leave();
      left = true;
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#queue.delete(enter);
        reject(signal.reason);
      };
      this.#queue.add(enter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#busy--;
      return;
    }
    this.#queue.delete(next);
    next();
  }
}
