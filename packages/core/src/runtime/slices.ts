/** How long work on one large state may keep the event loop, ms. */
const SLICE_MS = 5;
/** Looking at the clock costs about as much as a few items. */
const ITEMS_A_LOOK = 64;

/** Cuts long work into slices, between which the event loop turns. */
export class Slices {
  #began = performance.now();
  #items = 0;

  /** To be asked once for each item of the work. */
  get isOver(): boolean {
    return ++this.#items % ITEMS_A_LOOK === 0 && performance.now() - this.#began >= SLICE_MS;
  }

  /** The same, for items that are long work themselves. */
  get isOverNow(): boolean {
    return performance.now() - this.#began >= SLICE_MS;
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#began = performance.now();
  }
}
