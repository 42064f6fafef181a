import type { Revision } from '@rollcall/core';

/** The revisions of a file source: a count of its reads and writes, because a file has no history. */
export class FileRevisions {
  #last = 0;

  get last(): Revision {
    return String(this.#last);
  }

  readonly next = (): Revision => {
    this.#last++;
    return this.last;
  };
}
