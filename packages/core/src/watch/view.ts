import type { Step } from '../feed/subscriber.js';
import { type Comparison, changesBetween, changesInSlices, type HeldSnapshot } from '../model/changes.js';
import type { Revision } from '../model/revision.js';
import type { Batch, Change } from '../model/types.js';
import { Slices } from '../runtime/slices.js';

/** What a handle shows at one moment. The counters tell what happened between two views, so that no steps are kept. */
export interface View {
  readonly snapshot: HeldSnapshot;
  /** The revision of the last visible change. */
  readonly changedAt: Revision;
  /** Visible changes so far. */
  readonly version: number;
  /** Those of them that came by a full read: missing keys were inferred deleted. */
  readonly fullReads: number;
  /** Those that were the first answer after an interruption. */
  readonly resyncs: number;
  /** Backends so far. */
  readonly swaps: number;
  /** The changes of the last step, if they are known without comparing two states. */
  readonly changes: readonly Change[] | undefined;
  /** Changed entries so far, at most: a bound for the difference of two views. */
  readonly edits: number;
}

/** The first view of a state. */
export function firstView(snapshot: HeldSnapshot): View {
  return {
    snapshot,
    changedAt: snapshot.revision,
    version: 1,
    fullReads: 0,
    resyncs: 0,
    swaps: 0,
    changes: undefined,
    edits: snapshot.entries.size,
  };
}

/** The view after a step of the backend's state. */
export function stepped(view: View | undefined, step: Step, resync: boolean): View {
  if (view === undefined) return firstView(step.snapshot);
  if (!step.changed) return { ...view, snapshot: step.snapshot, changes: changesWithin(view, step.snapshot) };
  // Field by field: a spread takes longer than the edit of the tree, and this runs for every revision.
  return {
    snapshot: step.snapshot,
    changedAt: step.snapshot.revision,
    version: view.version + 1,
    fullReads: view.fullReads + (step.full ? 1 : 0),
    resyncs: view.resyncs + (resync ? 1 : 0),
    swaps: view.swaps,
    changes: step.changes,
    edits: view.edits + step.edits,
  };
}

/** The view after a move to another backend. */
export function moved(view: View | undefined, snapshot: HeldSnapshot, changed: boolean): View {
  if (view === undefined) return firstView(snapshot);
  if (!changed) return { ...view, snapshot, changes: changesWithin(view, snapshot) };
  const edits = view.edits + view.snapshot.entries.size + snapshot.entries.size;
  const { revision: changedAt } = snapshot;
  return { ...view, snapshot, changes: undefined, changedAt, version: view.version + 1, swaps: view.swaps + 1, edits };
}

/** Revisions of another epoch cannot be compared: then the two states are. */
function changesWithin({ snapshot: { epoch }, changes }: View, next: HeldSnapshot): View['changes'] {
  return next.epoch === epoch ? changes : undefined;
}

/** With this many changed entries a batch is computed in slices; in one go it would take about 5 ms. */
const LARGE = 10_000;

/** Whether the difference may be so large that computing it would hold the event loop. */
export function isLarge(seen: View | undefined, now: View): boolean {
  if (isNext(seen, now) && now.changes !== undefined) return false;
  const held = (seen?.snapshot.entries.size ?? 0) + now.snapshot.entries.size;
  return Math.min(now.edits - (seen?.edits ?? 0), held) > LARGE;
}

/**
 * The batch for a reader that saw `seen` last; undefined if there is nothing new. Every batch is made so: deltas, slow
 * readers, resyncs and swaps are all the difference of two views.
 */
export function batchBetween(seen: View | undefined, now: View): Batch | undefined {
  if (seen?.version === now.version) return undefined;
  // A copy: a reader may change its batch.
  const known = isNext(seen, now) ? now.changes?.slice() : undefined;
  return batchOf(seen, now, known ?? changesBetween(seen?.snapshot, now.snapshot, comparisonOf(seen, now)));
}

/** Whether only the last step lies between two views. */
function isNext(seen: View | undefined, now: View): boolean {
  return now.version - 1 === seen?.version;
}

/** As `batchBetween`, in slices between which the event loop turns. */
export async function batchInSlices(seen: View | undefined, now: View): Promise<Batch | undefined> {
  if (seen?.version === now.version) return undefined;
  const slices = new Slices();
  return batchOf(seen, now, await changesInSlices(seen?.snapshot, now.snapshot, comparisonOf(seen, now), slices));
}

function comparisonOf(seen: View | undefined, now: View): Comparison {
  const synthetic = seen !== undefined && (seen.fullReads !== now.fullReads || seen.swaps !== now.swaps);
  return { synthetic, changedAt: now.changedAt };
}

function batchOf(seen: View | undefined, now: View, changes: readonly Change[]): Batch | undefined {
  // A slow reader may have missed a change and its reversal.
  if (seen !== undefined && changes.length === 0) return undefined;
  const coalesced = seen !== undefined && now.version - seen.version > 1;
  return { snapshot: now.snapshot, changes, cause: causeOf(seen, now), coalesced };
}

function causeOf(seen: View | undefined, now: View): Batch['cause'] {
  if (seen === undefined) return 'initial';
  if (seen.swaps !== now.swaps) return 'swap';
  return seen.resyncs === now.resyncs ? 'delta' : 'resync';
}
