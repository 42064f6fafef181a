/** A binary heap that knows each item's place, so that any item can be removed or moved in O(log n). */
export class Heap<T> {
  readonly #isBefore: (a: T, b: T) => boolean;
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  push(item: T): void {
    this.#place(item, this.#items.length);
    this.moved(item);
  }

  /** Removes an item; does nothing if the item is not in the heap. */
  remove(item: T): void {
    const at = this.#places.get(item);
    if (at === undefined) return;
    const last = this.#items.pop() as T;
    this.#places.delete(item);
    if (last === item) return;
    this.#place(last, at);
    this.moved(last);
  }

  /** Call it when an item's order may have changed. */
  moved(item: T): void {
    const place = this.#places.get(item);
    if (place !== undefined) this.#sink(this.#rise(place));
  }

  /** @returns the item's new place. */
  #rise(place: number): number {
    let at = place;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, parent)) break;
      at = parent;
    }
    return at;
  }

  #sink(place: number): void {
    let at = place;
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = right < this.#items.length && this.#isBefore(this.#at(right), this.#at(left)) ? right : left;
      if (least >= this.#items.length || !this.#swapIfBefore(least, at)) return;
      at = least;
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const [a, b] = [this.#at(lower), this.#at(upper)];
    if (!this.#isBefore(a, b)) return false;
    this.#place(a, upper);
    this.#place(b, lower);
    return true;
  }

  #place(item: T, at: number): void {
    this.#items[at] = item;
    this.#places.set(item, at);
  }

  #at(index: number): T {
    return this.#items[index] as T;
  }
}

/** The first item that is not skipped. Skipped items stay. O(k log n) for k skipped ones. */
export function firstOf<T>(heap: Heap<T>, skip: (item: T) => boolean): T | undefined {
  const skipped: T[] = [];
  let first = heap.first;
  for (; first !== undefined && skip(first); first = heap.first) {
    heap.remove(first);
    skipped.push(first);
  }
  for (const item of skipped) heap.push(item);
  return first;
}
