import type { Delta, SourceEvent, Update } from '../adapter/source.js';
import type { Step } from '../feed/subscriber.js';
import { type HeldSnapshot, inOrder, isChanged, sameEntry } from '../model/changes.js';
import { compareKeys } from '../model/keys.js';
import { compareRevisions, type Revision } from '../model/revision.js';
import { type Edit, Tree } from '../model/tree.js';
import type { Change, Entry, Snapshot } from '../model/types.js';
import { Slices } from '../runtime/slices.js';

type Entries = Iterable<readonly [string, Entry]>;

/**
 * The state after a full read. An entry that has not changed stays the same object; if none has, the tree does. Works
 * in slices, so that the event loop turns.
 * @param epoch the present epoch, or a new one for another history.
 */
export async function applySnapshot(
  held: HeldSnapshot,
  update: Extract<Update, { type: 'snapshot' }>,
  epoch: number,
): Promise<Step> {
  const slices = new Slices();
  const edits = await editsTo(held.entries, update.entries, slices);
  const entries = await held.entries.editedInSlices(edits, slices);
  const snapshot = { revision: update.revision, epoch, entries };
  return { snapshot, changed: isChanged(held, snapshot), edits: edits.length, full: true };
}

/** The first state. Works in slices, so that the event loop turns. */
export async function firstSnapshot(
  { revision, entries: listed }: Pick<Snapshot, 'revision'> & { readonly entries: Entries },
  epoch: number,
): Promise<Step> {
  const entries = await Tree.build(listed, new Slices());
  return { snapshot: { revision, epoch, entries }, changed: true, edits: entries.size, full: true };
}

/** The state after a delta. Events at or below the cursor were delivered before and are dropped. */
export function applyDelta(held: HeldSnapshot, update: Delta): Step {
  if (compareRevisions(update.revision, held.revision) <= 0)
    return { snapshot: held, changed: false, edits: 0, full: false };
  const editor = held.entries.editor();
  const changes: Change[] = [];
  for (const event of update.events) {
    const change = changeBy(event, update.revision, editor.get(event.key));
    if (change === undefined || compareRevisions(change.revision, held.revision) <= 0) continue;
    editor.set(event.key, event.type === 'put' ? event.entry : undefined);
    changes.push(change);
  }
  const entries = editor.finish();
  const snapshot = { revision: update.revision, epoch: held.epoch, entries };
  const edits = changes.length;
  if (isOfDistinctKeys(changes)) {
    return { snapshot, changed: edits > 0, edits, full: false, changes: sorted(changes) };
  }
  // A key that was put and deleted within the delta leaves the state as it was.
  return { snapshot, changed: isChanged(held, snapshot), edits, full: false };
}

/** The change that an event makes; undefined if a reader could see no difference. */
function changeBy(event: SourceEvent, revision: Revision, previous: Entry | undefined): Change | undefined {
  const { key } = event;
  if (event.type === 'delete') {
    return previous && { type: 'delete', key, revision: event.revision, previous, synthetic: false };
  }
  const { entry } = event;
  const at = entry.revision ?? revision;
  if (previous === undefined) return { type: 'put', key, revision: at, entry };
  return sameEntry(previous, entry, true) ? undefined : { type: 'put', key, revision: at, entry, previous };
}

function isOfDistinctKeys(changes: readonly Change[]): boolean {
  return changes.length < 2 || new Set(changes.map(({ key }) => key)).size === changes.length;
}

/** Sorts changes into the order of a batch; mostly they have it already. */
function sorted(changes: Change[]): readonly Change[] {
  if (changes.length < 2) return changes;
  const isSorted = changes.every((change, i) => i === 0 || inOrder(changes[i - 1] as Change, change) <= 0);
  return isSorted ? changes : changes.sort(inOrder);
}

/**
 * The state after a bookmark. A bookmark at or below the cursor, as a lagging member may send it, proves nothing new.
 */
export function applyBookmark(held: HeldSnapshot, update: Extract<Update, { type: 'bookmark' }>): Step {
  const ahead = compareRevisions(update.revision, held.revision) > 0;
  return { snapshot: ahead ? { ...held, revision: update.revision } : held, changed: false, edits: 0, full: false };
}

/**
 * The edits that lead from the tree to the entries. Walks along the tree, because backends list keys in order; a key
 * that is out of order, new or repeated is looked up.
 */
async function editsTo(held: Tree, entries: Entries, slices: Slices): Promise<Edit[]> {
  const edits: Edit[] = [];
  const passed: string[] = [];
  const lookedUp = new Set<string>();
  const walk = held[Symbol.iterator]();
  let next = walk.next();
  for (const [key, entry] of entries) {
    for (; !next.done && compareKeys(next.value[0], key) < 0; next = walk.next()) passed.push(next.value[0]);
    if (next.done || next.value[0] !== key) {
      const before = held.get(key);
      lookedUp.add(key);
      edits.push([key, before !== undefined && sameEntry(before, entry, true) ? before : entry]);
    } else {
      if (!sameEntry(next.value[1], entry, true)) edits.push([key, entry]);
      next = walk.next();
    }
    if (slices.isOver) await slices.turn();
  }
  for (; !next.done; next = walk.next()) passed.push(next.value[0]);
  for (const key of passed) if (!lookedUp.has(key)) edits.push([key, undefined]);
  return edits;
}
