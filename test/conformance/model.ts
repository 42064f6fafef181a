import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { type Batch, compareRevisions, type Entry, type ReadOptions, type Watcher } from '@rollcall/core';
import { compareKeys } from '@rollcall/core/internal';
import type { MemoryStore, MemoryWrite } from '@rollcall/local';

type State = ReadonlyMap<string, string>;

/**
 * A plain Map for each revision of a store. A rewind or a wipe begins another history, in which the same revision may
 * mean another state.
 */
export class Model {
  readonly #histories: Map<bigint, State>[] = [new Map([[0n, new Map()]])];
  revision = 0n;
  /** The oldest revision the store can go back to. */
  compacted = 0n;

  get state(): State {
    return this.#history.get(this.revision) ?? new Map();
  }

  write(writes: readonly MemoryWrite[]): void {
    const state = new Map(this.state);
    let effective = false;
    for (const write of writes) {
      if (write.type === 'put') state.set(write.key, String(write.value));
      effective = write.type === 'put' || state.delete(write.key) || effective;
    }
    if (effective) this.#history.set(++this.revision, state);
  }

  rewind(revision: bigint): void {
    this.#histories.push(new Map([...this.#history].filter(([each]) => each <= revision)));
    this.revision = revision;
  }

  wipe(revision: bigint): void {
    this.#histories.push(new Map([[revision, new Map()]]));
    this.revision = this.compacted = revision;
  }

  /** The first history from `from` on in which the keys under a prefix were these at a revision; -1 when there is none. */
  find(from: number, revision: string, prefix: string, content: State): number {
    return this.#histories.findIndex((history, index) => {
      const state = history.get(BigInt(revision));
      return index >= from && state !== undefined && sameState(under(state, prefix), content);
    });
  }

  get #history(): Map<bigint, State> {
    return this.#histories.at(-1) ?? new Map();
  }
}

/**
 * A store and its model, changed together. A resume proves itself by the newest held key and the count of keys, which
 * cannot tell a store that was refilled with the very same newest write. So here no two histories write the same value
 * at the same revision, and each begins with a key that is never deleted.
 */
export class Modelled {
  readonly model = new Model();
  readonly store: MemoryStore;
  #history = 0;

  constructor(store: MemoryStore) {
    this.store = store;
  }

  write(writes: readonly MemoryWrite[]): void {
    const own = writes.map((write) =>
      write.type === 'put' ? { ...write, value: `${write.value} of history ${this.#history}` } : write,
    );
    this.store.transaction(own);
    this.model.write(own);
    assert.equal(this.store.revision, String(this.model.revision));
    const stored = [...this.store.list()].map(([key, value]) => [key, Buffer.from(value).toString()] as const);
    assert.deepEqual(new Map(stored.sort()), new Map([...this.model.state].sort()));
  }

  /** Each of these takes how far back, and goes no further than the store can. */
  compact(back: number): void {
    const revision = this.#back(back);
    this.store.compact(String(revision));
    this.model.compacted = revision;
  }

  replay(back: number): void {
    this.store.replay(String(this.#back(back)));
  }

  rewind(back: number): void {
    const revision = this.#back(back);
    this.store.rewind(String(revision));
    this.model.rewind(revision);
    this.#begin();
  }

  /** @param ahead by how much the empty store is ahead; negative for behind. */
  wipe(ahead: number): void {
    const wanted = this.model.revision + BigInt(ahead);
    const revision = wanted > 0n ? wanted : 0n;
    this.store.wipe(String(revision));
    this.model.wipe(revision);
    this.#begin();
  }

  #begin(): void {
    this.#history++;
    this.write([{ type: 'put', key: 'p/first', value: 'first' }]);
  }

  #back(by: number): bigint {
    const revision = this.model.revision - BigInt(by);
    return revision > this.model.compacted ? revision : this.model.compacted;
  }
}

/** Folds a watcher's batches and holds each against the models of the stores it may come from. */
export class ModelReader {
  readonly #watcher: Watcher;
  readonly #models: readonly Model[];
  readonly #folded = new Map<string, Entry>();
  /** For each model, the history that the last batch belonged to: there is no way back. */
  readonly #reached = new Map<Model, number>();
  #last: Batch | undefined;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => {};
  #failure: unknown;

  constructor(watcher: Watcher, models: readonly Model[], options: ReadOptions = {}) {
    this.#watcher = watcher;
    this.#models = models;
    this.#follow(options).catch((error: unknown) => {
      this.#failure = error;
    });
  }

  stall(): void {
    this.go();
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  go(): void {
    this.#open();
  }

  /** Reads on until there is nothing but the model's present. */
  async finishes(model: Model): Promise<void> {
    this.go();
    const { prefix } = this.#watcher;
    const deadline = performance.now() + 5000;
    while (!sameState(contentOf(this.#folded), under(model.state, prefix)) || this.#watcher.status.state !== 'live') {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() > deadline) {
        assert.deepEqual(contentOf(this.#folded), under(model.state, prefix), 'the reader never caught up');
        assert.equal(this.#watcher.status.state, 'live');
      }
      await turn();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #follow(options: ReadOptions): Promise<void> {
    for await (const batch of this.#watcher.batches(options)) {
      this.#check(batch);
      this.#last = batch;
      await this.#gate;
    }
  }

  /**
   * Between two swaps that changed nothing a reader may have moved to another history and back without a batch, so
   * with several stores the epoch of the last batch does not tell whether a value was written anew.
   */
  #check({ snapshot, changes, cause }: Batch): void {
    const before = this.#last?.snapshot;
    assert.equal(cause === 'initial', before === undefined);
    const inEpoch = before?.epoch === snapshot.epoch && cause !== 'swap';
    if (inEpoch) assert.ok(compareRevisions(snapshot.revision, before.revision) > 0, 'never back, never twice');
    assert.ok(changes.length > 0 || cause === 'initial', 'no batch without a change');
    for (const [i, change] of changes.entries()) {
      const next = changes[i + 1];
      const order = next && (compareRevisions(change.revision, next.revision) || compareKeys(change.key, next.key));
      assert.ok(order === undefined || order < 0, 'by revision, then key, each key once');
      const held = this.#folded.get(change.key);
      assert.equal(textOf(change.previous), textOf(held), `previous of ${change.key}`);
      if (change.type === 'delete') {
        assert.ok(this.#folded.delete(change.key), 'only what was there can go');
        continue;
      }
      const mayRepeat = inEpoch || this.#models.length > 1;
      const isRewrite = mayRepeat && change.entry.revision !== change.previous?.revision;
      const isNews = textOf(change.entry) !== textOf(held) || isRewrite;
      assert.ok(isNews, `${change.key} is told again`);
      this.#folded.set(change.key, change.entry);
    }
    assert.ok(sameState(contentOf(this.#folded), contentOf(snapshot.entries)), 'the changes lead to the snapshot');
    this.#find(snapshot.revision);
  }

  /** The state must be what one of the stores was at that revision, whole. */
  #find(revision: string): void {
    const content = contentOf(this.#folded);
    for (const model of this.#models) {
      const history = model.find(this.#reached.get(model) ?? 0, revision, this.#watcher.prefix, content);
      if (history < 0) continue;
      this.#reached.set(model, history);
      return;
    }
    assert.fail(`no store was ever ${JSON.stringify([...content])} at revision ${revision}`);
  }
}

function under(state: State, prefix: string): State {
  const found = [...state].filter(([key]) => key.startsWith(prefix));
  return new Map(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

function contentOf(entries: Iterable<readonly [string, Entry]>): State {
  return new Map([...entries].map(([key, entry]) => [key, textOf(entry) ?? '']));
}

function textOf(entry: Entry | undefined): string | undefined {
  return entry && Buffer.from(entry.value).toString();
}

function sameState(a: State, b: State): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
