/** When something of a kind was under way, or not noticed by all yet: from its beginning to the next checkpoint. Monotonic, ms. */
export class Upheavals {
  readonly #ended: { readonly from: number; readonly to: number }[] = [];
  #from: number | undefined;

  begin(): void {
    this.#from ??= performance.now();
  }

  end(): void {
    if (this.#from !== undefined) this.#ended.push({ from: this.#from, to: performance.now() });
    this.#from = undefined;
  }

  /** Whether one touches the time from `since` to `until`. */
  touch(since: number, until: number): boolean {
    return (
      (this.#from !== undefined && this.#from <= until) ||
      this.#ended.some(({ from, to }) => from <= until && to > since)
    );
  }
}
