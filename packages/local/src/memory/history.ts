import { type Entry, keyFromBytes, keyToBytes, type Revision, WatchError } from '@rollcall/core';
import { isEscapedKey } from '@rollcall/core/internal';

/** One write of a transaction; a string is stored as its UTF-8 bytes. */
export type MemoryWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array | string }
  | { readonly type: 'delete'; readonly key: string };

/** A key's entry before and after a write; undefined if there was none. */
interface LoggedChange {
  readonly key: string;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** The present keys of a store, and the log of its changes since the last compaction. */
export class MemoryHistory {
  readonly #name: string;
  #entries = new Map<string, Entry>();
  /** The changes of revision `compacted + 1 + index`: every write is one revision. */
  #log: (readonly LoggedChange[])[] = [];
  #revision = 0n;

  /** @param name the store's name, for errors. */
  constructor(name: string) {
    this.#name = name;
  }

  get revision(): bigint {
    return this.#revision;
  }

  /** The oldest revision whose state is known. */
  get compacted(): bigint {
    return this.#revision - BigInt(this.#log.length);
  }

  /** The current entries by whole key. */
  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** Applies all writes as one revision, in order. Deleting a missing key is no write. */
  commit(writes: readonly MemoryWrite[]): void {
    const revision = String(this.#revision + 1n);
    const changes: LoggedChange[] = [];
    for (const write of writes) {
      const key = canonical(write.key);
      const before = this.#entries.get(key);
      const after = write.type === 'put' ? entryOf(write.value, revision, before) : undefined;
      if (before === undefined && after === undefined) continue;
      changes.push({ key, before, after });
      this.#set(this.#entries, key, after);
    }
    if (changes.length === 0) return;
    this.#log.push(changes);
    this.#revision++;
  }

  /** The changes of one revision after `compacted`; undefined for a future one. */
  changesOf(revision: bigint): readonly LoggedChange[] | undefined {
    return this.#log[Number(revision - this.compacted) - 1];
  }

  /** The entries as they were at a revision from `compacted` on. */
  at(revision: bigint): Map<string, Entry> {
    const state = new Map(this.#entries);
    for (let each = this.#revision; each > revision; each--) {
      for (const { key, before } of [...(this.changesOf(each) ?? [])].reverse()) this.#set(state, key, before);
    }
    return state;
  }

  /** Forgets the changes up to `revision`. */
  compact(revision: bigint): void {
    if (revision > this.compacted) this.#log.splice(0, Number(revision - this.compacted));
  }

  /** Undoes everything after `revision`. */
  rewind(revision: bigint): void {
    this.#entries = this.at(revision);
    this.#log.length -= Number(this.#revision - revision);
    this.#revision = revision;
  }

  /** An empty store at `revision`, with no history. */
  wipe(revision: bigint): void {
    this.#entries = new Map();
    this.#log = [];
    this.#revision = revision;
  }

  /**
   * A revision as a number. Its state must be known.
   * @throws WatchError INVALID_OPTION for anything else.
   */
  known(revision: Revision): bigint {
    const number = revisionNumber(revision);
    if (number < this.compacted || number > this.#revision) {
      const range = `${this.compacted} to ${this.#revision}`;
      throw new WatchError('INVALID_OPTION', `revision ${revision} is not in the history of ${this.#name} (${range}).`);
    }
    return number;
  }

  #set(state: Map<string, Entry>, key: string, entry: Entry | undefined): void {
    if (entry === undefined) state.delete(key);
    else state.set(key, entry);
  }
}

/** @throws WatchError INVALID_OPTION if the text is no canonical decimal. */
export function revisionNumber(revision: Revision): bigint {
  if (/^(0|[1-9]\d*)$/.test(revision)) return BigInt(revision);
  throw new WatchError('INVALID_OPTION', `revision: "${revision}" is not a decimal number such as "7".`);
}

function entryOf(value: Uint8Array | string, revision: Revision, before: Entry | undefined): Entry {
  // A copy: the caller may change its buffer.
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(value);
  return { value: bytes, revision, createRevision: before?.createRevision ?? revision };
}

/** One text for each key's bytes: escaped bytes that form UTF-8 become that text. */
function canonical(key: string): string {
  return isEscapedKey(key) ? keyFromBytes(keyToBytes(key)) : key;
}
