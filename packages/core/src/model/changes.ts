import { compareKeys } from './keys.js';
import type { Revision } from './revision.js';
import { compareRevisions } from './revision.js';
import { Tree } from './tree.js';
import type { Change, Entry, Snapshot } from './types.js';

/** A snapshot as the core holds it. */
export interface HeldSnapshot extends Snapshot {
  readonly entries: Tree;
}

/**
 * What changed from one snapshot to another, ordered by revision, then key. Within one epoch entries are the same when
 * revision and bytes are equal; across epochs revisions mean nothing, so bytes decide.
 * @param synthetic whether a key that is gone was only found missing, not told deleted.
 * @param changedAt for changes with no revision of their own: where the last change was, as a bookmark may have moved
 *   the snapshot since.
 */
export function changesBetween(
  before: HeldSnapshot | undefined,
  after: HeldSnapshot,
  synthetic: boolean,
  changedAt: Revision = after.revision,
): Change[] {
  const sameEpoch = before?.epoch === after.epoch;
  const changes: Change[] = [];
  const from = before?.entries ?? Tree.EMPTY;
  from.differences(after.entries, (key, previous, entry) => {
    if (entry === undefined) {
      if (previous !== undefined) changes.push({ type: 'delete', key, revision: changedAt, previous, synthetic });
    } else if (previous === undefined) {
      changes.push({ type: 'put', key, revision: revisionOf(entry, changedAt), entry });
    } else if (!sameEntry(previous, entry, sameEpoch)) {
      changes.push({ type: 'put', key, revision: revisionOf(entry, changedAt), entry, previous });
    }
  });
  return changes.sort((a, b) => compareRevisions(a.revision, b.revision) || compareKeys(a.key, b.key));
}

/** Whether two entries are the same to a reader. */
export function sameEntry(a: Entry, b: Entry, sameEpoch: boolean): boolean {
  if (a === b) return true;
  if (sameEpoch && (a.revision !== b.revision || a.createRevision !== b.createRevision)) return false;
  return a.value.length === b.value.length && Buffer.compare(a.value, b.value) === 0;
}

function revisionOf(entry: Entry, fallback: Revision): Revision {
  return entry.revision ?? fallback;
}
