/** Lets many wait for conditions that can only come true when something happens. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  /** Something happened. */
  ring(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Waits until the condition holds, looking again at each ring. @returns whether it did, within the time if one is given */
  until(holds: () => boolean, ms?: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (held: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(held);
      };
      const look = (): void => {
        if (holds()) finish(true);
      };
      if (ms !== undefined) timer = setTimeout(() => finish(holds()), ms);
      this.#waiting.add(look);
      look();
    });
  }
}
