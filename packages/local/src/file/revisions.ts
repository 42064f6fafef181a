import type { Revision } from '@rollcall/core';

/** A file has no history: its revisions count the reads and writes of one source. */
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
