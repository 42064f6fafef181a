import assert from 'node:assert/strict';
import { compareKeys } from '../model/keys.js';
import { compareRevisions } from '../model/revision.js';
import type { Batch, Change, Entry, KeyMap, ReadOptions, Watcher } from '../model/types.js';
import { withPatience } from './patience.js';

/** A reader that checks every batch: it applies the changes to a state of its own, and compares that with the batch. */
export class Follower {
  readonly state = new Map<string, Entry>();
  last: Batch | undefined;
  readonly #reader: AsyncIterator<Batch>;

  constructor(watcher: Watcher, options: ReadOptions = {}) {
    this.#reader = watcher.batches(options);
  }

  /** The next batch, checked. */
  async next(): Promise<Batch> {
    const { done, value } = await withPatience('a batch', this.#reader.next());
    assert.ok(!done, 'the watcher ended');
    this.#fold(value);
    return value;
  }

  /** Asserts that the watcher has ended. */
  async end(): Promise<void> {
    const { done } = await withPatience('the end', this.#reader.next());
    assert.ok(done, 'a batch came after the end');
  }

  /** Reads until the condition holds; reads nothing if it holds already. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.next();
  }

  /** Reads until a key has this text. */
  async untilValue(key: string, text: string): Promise<void> {
    await this.until(() => this.text(key) === text);
  }

  text(key: string): string | undefined {
    const entry = this.state.get(key);
    return entry && Buffer.from(entry.value).toString();
  }

  #fold(batch: Batch): void {
    const { snapshot, changes, cause } = batch;
    assert.equal(cause === 'initial', this.last === undefined, 'the first batch, and no other, is the initial one');
    assert.ok(changes.length > 0 || cause === 'initial', 'only an initial batch may be empty');
    assert.equal(new Set(changes.map(({ key }) => key)).size, changes.length, 'a key is told once in a batch');
    assert.deepEqual([...changes].sort(byRevisionThenKey), changes, 'changes are in order of revision, then key');
    const before = this.last?.snapshot;
    if (before?.epoch === snapshot.epoch && cause !== 'swap') {
      assert.ok(compareRevisions(snapshot.revision, before.revision) > 0, 'the revision moves on within an epoch');
    }
    for (const change of changes) this.#apply(change);
    assertSameEntries(this.state, snapshot.entries, 'the changes lead from the last snapshot to this one');
    this.last = batch;
  }

  #apply(change: Change): void {
    const held = this.state.get(change.key);
    const previous = `the previous entry of ${JSON.stringify(change.key)} is the one seen last`;
    assert.deepEqual(change.previous?.value, held?.value, previous);
    if (change.type === 'put') this.state.set(change.key, change.entry);
    else this.state.delete(change.key);
  }
}

function byRevisionThenKey(a: Change, b: Change): number {
  return compareRevisions(a.revision, b.revision) || compareKeys(a.key, b.key);
}

/** Compares bytes: in a new epoch an unchanged key gets the new history's revision without a batch. */
function assertSameEntries(folded: ReadonlyMap<string, Entry>, entries: KeyMap, what: string): void {
  assert.equal(folded.size, entries.size, what);
  for (const [key, entry] of entries) {
    const held = folded.get(key);
    if (held !== entry) assert.deepEqual(held?.value, entry.value, `${what}: ${JSON.stringify(key)}`);
  }
}
