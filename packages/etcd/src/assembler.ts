import type { Revision, SourceEvent, Update } from '@rollcall/core';
import { entryOf } from './entry.js';
import type { WatchAnswer, WatchEvent } from './messages.js';
import type { KeyNames } from './range.js';

type Delta = Extract<Update, { type: 'delta' }>;

interface Group {
  readonly revision: Revision;
  readonly events: SourceEvent[];
}

/**
 * Makes one delta of each revision's events. The server sends whole revisions in one answer, unless it says `fragment`:
 * then the last revision may go on in the next one and is held back.
 */
export class Assembler {
  readonly #names: KeyNames;
  #open: Group | undefined;

  constructor(names: KeyNames) {
    this.#names = names;
  }

  /** The deltas that an answer completes, in order. */
  push({ events, fragment }: Pick<WatchAnswer, 'events' | 'fragment'>): Delta[] {
    const deltas: Delta[] = [];
    for (const event of events) {
      const { modRevision } = event.kv;
      if (this.#open?.revision !== modRevision) {
        this.#finish(deltas);
        this.#open = { revision: modRevision, events: [] };
      }
      this.#open.events.push(this.#eventOf(event));
    }
    if (!fragment) this.#finish(deltas);
    return deltas;
  }

  #finish(deltas: Delta[]): void {
    if (this.#open !== undefined) deltas.push({ type: 'delta', ...this.#open });
    this.#open = undefined;
  }

  #eventOf({ deleted, kv }: WatchEvent): SourceEvent {
    const key = this.#names.relative(kv.key);
    return deleted ? { type: 'delete', key, revision: kv.modRevision } : { type: 'put', key, entry: entryOf(kv) };
  }
}
