/** The longest that work may hold the event loop, ms. */
const SLICE_MS = 5;
/** The clock is read once for so many items: reading it costs about as much as a few of them. */
const ITEMS_A_LOOK = 64;

/** Cuts long work into slices, between which the event loop turns. */
export class Slices {
  #began = performance.now();
  #items = 0;

  /** Whether the slice is over; ask once for each item of the work. */
  get isOver(): boolean {
    return ++this.#items % ITEMS_A_LOOK === 0 && performance.now() - this.#began >= SLICE_MS;
  }

  /** Whether the slice is over, read from the clock at each call: for items that are long work themselves. */
  get isOverNow(): boolean {
    return performance.now() - this.#began >= SLICE_MS;
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#began = performance.now();
  }
}
