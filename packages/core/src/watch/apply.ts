import type { SourceEvent, Update } from '../adapter/source.js';
import type { Step } from '../feed/subscriber.js';
import { type HeldSnapshot, isChanged, sameEntry } from '../model/changes.js';
import { compareKeys } from '../model/keys.js';
import { compareRevisions } from '../model/revision.js';
import { type Edit, Tree } from '../model/tree.js';
import type { Entry, Snapshot } from '../model/types.js';
import { Slices } from '../runtime/slices.js';

type Entries = Iterable<readonly [string, Entry]>;

/**
 * The state after a full read. Entries that are the same stay the same objects; when all are, so does the tree. The event
 * loop turns while a large one is compared.
 * @param epoch the held one, or a new one when this is another history.
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

/** The first state there is. The event loop turns while a large one is taken over. */
export async function firstSnapshot(
  { revision, entries: listed }: Pick<Snapshot, 'revision'> & { readonly entries: Entries },
  epoch: number,
): Promise<Step> {
  const entries = await Tree.build(listed, new Slices());
  return { snapshot: { revision, epoch, entries }, changed: true, edits: entries.size, full: true };
}

/** The state after a delta. Whatever lies at or below the cursor was already told: dropped. */
export function applyDelta(held: HeldSnapshot, update: Extract<Update, { type: 'delta' }>): Step {
  if (compareRevisions(update.revision, held.revision) <= 0)
    return { snapshot: held, changed: false, edits: 0, full: false };
  const fresh = update.events.filter((event) => compareRevisions(revisionOf(event, update), held.revision) > 0);
  const edited = held.entries.edited(fresh.map(editOf));
  // A key that came and went within this delta leaves an equal tree behind.
  const entries = edited.equals(held.entries) ? held.entries : edited;
  const snapshot = { revision: update.revision, epoch: held.epoch, entries };
  return { snapshot, changed: entries !== held.entries, edits: fresh.length, full: false };
}

/** The state after a bookmark. One at or below the cursor proves nothing new: a lagging member may send it. */
export function applyBookmark(held: HeldSnapshot, update: Extract<Update, { type: 'bookmark' }>): Step {
  const ahead = compareRevisions(update.revision, held.revision) > 0;
  return { snapshot: ahead ? { ...held, revision: update.revision } : held, changed: false, edits: 0, full: false };
}

/** Walks along the tree, since a backend lists its keys in order; a key out of order, new or told twice is looked up. */
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

function revisionOf(event: SourceEvent, update: { readonly revision: string }): string {
  return (event.type === 'put' ? event.entry.revision : event.revision) ?? update.revision;
}

function editOf(event: SourceEvent): Edit {
  return [event.key, event.type === 'put' ? event.entry : undefined];
}
