import { changesBetween, type HeldSnapshot, sameEntry } from './changes.js';
import { compareRevisions } from './revision.js';
import type { SourceEvent, Update } from './source.js';
import { type Edit, Tree } from './tree.js';
import type { Entry } from './types.js';

/** One move of the held state. */
export interface Step {
  readonly snapshot: HeldSnapshot;
  /** Whether a reader could see a difference. The first state counts, even if empty. */
  readonly changed: boolean;
  /** Came of a full read, so that a missing key was inferred deleted. */
  readonly full: boolean;
}

/**
 * The state after a full read. Entries that are the same stay the same objects; when all are, so does the tree.
 * @param epoch the held one, or a new one when this is another history.
 */
export function applySnapshot(
  held: HeldSnapshot | undefined,
  update: Extract<Update, { type: 'snapshot' }>,
  epoch: number,
): Step {
  const entries =
    held === undefined ? Tree.of(update.entries) : held.entries.edited(editsTo(held.entries, update.entries));
  const snapshot = { revision: update.revision, epoch, entries };
  const changed = held === undefined || changesBetween(held, snapshot, true).length > 0;
  return { snapshot, changed, full: true };
}

/** The state after a delta. Whatever lies at or below the cursor was already told: dropped. */
export function applyDelta(held: HeldSnapshot, update: Extract<Update, { type: 'delta' }>): Step {
  if (compareRevisions(update.revision, held.revision) <= 0) return { snapshot: held, changed: false, full: false };
  const fresh = update.events.filter((event) => compareRevisions(revisionOf(event, update), held.revision) > 0);
  const edited = held.entries.edited(fresh.map(editOf));
  // A key that came and went within this delta leaves an equal tree behind.
  const entries = edited.equals(held.entries) ? held.entries : edited;
  const snapshot = { revision: update.revision, epoch: held.epoch, entries };
  return { snapshot, changed: entries !== held.entries, full: false };
}

/** The state after a bookmark. One at or below the cursor proves nothing new: a lagging member may send it. */
export function applyBookmark(held: HeldSnapshot, update: Extract<Update, { type: 'bookmark' }>): Step {
  const ahead = compareRevisions(update.revision, held.revision) > 0;
  return { snapshot: ahead ? { ...held, revision: update.revision } : held, changed: false, full: false };
}

function* editsTo(held: Tree, entries: Iterable<readonly [string, Entry]>): Iterable<Edit> {
  const present = new Set<string>();
  for (const [key, entry] of entries) {
    present.add(key);
    const before = held.get(key);
    yield [key, before !== undefined && sameEntry(before, entry, true) ? before : entry];
  }
  for (const [key] of held) if (!present.has(key)) yield [key, undefined];
}

function revisionOf(event: SourceEvent, update: { readonly revision: string }): string {
  return (event.type === 'put' ? event.entry.revision : event.revision) ?? update.revision;
}

function editOf(event: SourceEvent): Edit {
  return [event.key, event.type === 'put' ? event.entry : undefined];
}
