import { compareKeys } from './keys.js';
import { PackedEntry } from './packedEntry.js';
import type { Revision } from './revision.js';
import { compareRevisions } from './revision.js';
import { sortInSlices } from './sort.js';
import { type Breaks, Tree } from './tree.js';
import type { Change, Entry, Snapshot } from './types.js';

/** A snapshot whose entries are the core's own tree. */
export interface HeldSnapshot extends Snapshot {
  readonly entries: Tree;
}

/** Options for the comparison of two snapshots. */
export interface Comparison {
  /** True if a missing key was inferred from a full read: its delete is `synthetic`. */
  readonly synthetic: boolean;
  /**
   * The revision for changes without one of their own: that of the last change, because a bookmark may have moved the
   * snapshot since. Default: the snapshot's revision.
   */
  readonly changedAt?: Revision;
}

/**
 * The changes from one snapshot to another, ordered by revision, then key. Within one epoch two entries are the same if
 * revision and bytes are equal; across epochs, if the bytes are.
 */
export function changesBetween(
  before: HeldSnapshot | undefined,
  after: HeldSnapshot,
  comparison: Comparison,
): Change[] {
  const changeOf = comparing(before, after, comparison);
  const changes: Change[] = [];
  (before?.entries ?? Tree.EMPTY).differences(after.entries, (key, previous, entry) => {
    const change = changeOf(key, previous, entry);
    if (change !== undefined) changes.push(change);
  });
  return changes.sort(inOrder);
}

/**
 * As `changesBetween`, for large differences: in slices, so that the event loop turns. It walks both trees, which costs
 * more than skipping the nodes that they share.
 */
export async function changesInSlices(
  before: HeldSnapshot | undefined,
  after: HeldSnapshot,
  comparison: Comparison,
  slices: Breaks,
): Promise<readonly Change[]> {
  const changeOf = comparing(before, after, comparison);
  const changes: Change[] = [];
  for (const [key, previous, entry] of walkBoth(before?.entries ?? Tree.EMPTY, after.entries)) {
    const change = previous === entry ? undefined : changeOf(key, previous, entry);
    if (change !== undefined) changes.push(change);
    if (slices.isOver) await slices.turn();
  }
  return sortInSlices(changes, inOrder, slices);
}

/** Whether a reader could see a difference between the two. */
export function isChanged(before: HeldSnapshot, after: HeldSnapshot): boolean {
  const sameEpoch = before.epoch === after.epoch;
  return before.entries.some(
    after.entries,
    (a, b) => a === undefined || b === undefined || !sameEntry(a, b, sameEpoch),
  );
}

/** Whether two entries look the same to a reader. */
export function sameEntry(a: Entry, b: Entry, sameEpoch: boolean): boolean {
  if (a === b) return true;
  if (sameEpoch && !sameRevisions(a, b)) return false;
  return a.value.length === b.value.length && Buffer.compare(a.value, b.value) === 0;
}

function sameRevisions(a: Entry, b: Entry): boolean {
  if (a instanceof PackedEntry && b instanceof PackedEntry) return PackedEntry.sameRevisions(a, b);
  return a.revision === b.revision && a.createRevision === b.createRevision;
}

type ChangeOf = (key: string, previous: Entry | undefined, entry: Entry | undefined) => Change | undefined;

function comparing(
  before: HeldSnapshot | undefined,
  after: HeldSnapshot,
  { synthetic, changedAt = after.revision }: Comparison,
): ChangeOf {
  const sameEpoch = before?.epoch === after.epoch;
  return (key, previous, entry) => {
    if (entry === undefined) {
      return previous && { type: 'delete', key, revision: changedAt, previous, synthetic };
    }
    const revision = entry.revision ?? changedAt;
    if (previous === undefined) return { type: 'put', key, revision, entry };
    return sameEntry(previous, entry, sameEpoch) ? undefined : { type: 'put', key, revision, entry, previous };
  };
}

/** Compares two changes by revision, then key: the order of a batch. */
export function inOrder(a: Change, b: Change): number {
  return compareRevisions(a.revision, b.revision) || compareKeys(a.key, b.key);
}

/** Every key of either tree, in order, with its entry in each. */
function* walkBoth(a: Tree, b: Tree): Generator<[string, Entry | undefined, Entry | undefined]> {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  let [before, after] = [left.next(), right.next()];
  while (!before.done || !after.done) {
    const order = before.done ? 1 : after.done ? -1 : compareKeys(before.value[0], after.value[0]);
    if (order < 0 && !before.done) {
      yield [before.value[0], before.value[1], undefined];
      before = left.next();
    } else if (order > 0 && !after.done) {
      yield [after.value[0], undefined, after.value[1]];
      after = right.next();
    } else if (!before.done && !after.done) {
      yield [before.value[0], before.value[1], after.value[1]];
      [before, after] = [left.next(), right.next()];
    }
  }
}
