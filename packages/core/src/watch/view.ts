import type { Step } from '../feed/subscriber.js';
import { changesBetween, type HeldSnapshot } from '../model/changes.js';
import type { Revision } from '../model/revision.js';
import type { Batch } from '../model/types.js';

/** What a handle shows at one moment. The counters say what happened between two views without keeping the steps. */
export interface View {
  readonly snapshot: HeldSnapshot;
  /** The revision of the last observable change. */
  readonly changedAt: Revision;
  /** Observable changes so far. */
  readonly version: number;
  /** Those of them that came of a full read: a key that is missing after one was inferred deleted. */
  readonly fullReads: number;
  /** Those that were the first answer after an interruption. */
  readonly resyncs: number;
  /** Backends so far. */
  readonly swaps: number;
}

/** The view on a state that is met for the first time. */
export function firstView(snapshot: HeldSnapshot): View {
  return { snapshot, changedAt: snapshot.revision, version: 1, fullReads: 0, resyncs: 0, swaps: 0 };
}

/** The view after the backend's state moved. */
export function stepped(view: View | undefined, step: Step, resync: boolean): View {
  if (view === undefined) return firstView(step.snapshot);
  if (!step.changed) return { ...view, snapshot: step.snapshot };
  return {
    ...view,
    snapshot: step.snapshot,
    changedAt: step.snapshot.revision,
    version: view.version + 1,
    fullReads: view.fullReads + (step.full ? 1 : 0),
    resyncs: view.resyncs + (resync ? 1 : 0),
  };
}

/** The view after a move to another backend. */
export function moved(view: View | undefined, snapshot: HeldSnapshot, changed: boolean): View {
  if (view === undefined) return firstView(snapshot);
  const changedAt = snapshot.revision;
  return changed
    ? { ...view, snapshot, changedAt, version: view.version + 1, swaps: view.swaps + 1 }
    : { ...view, snapshot };
}

/**
 * What a reader that saw `seen` last is told now; undefined when there is nothing to tell. The one mechanism behind
 * every batch: deltas, slow readers, resyncs and swaps are all the difference between two views.
 */
export function batchBetween(seen: View | undefined, now: View): Batch | undefined {
  if (seen?.version === now.version) return undefined;
  const inferred = seen !== undefined && (seen.fullReads !== now.fullReads || seen.swaps !== now.swaps);
  const changes = changesBetween(seen?.snapshot, now.snapshot, inferred, now.changedAt);
  // A slow reader may have missed a change and its opposite.
  if (seen !== undefined && changes.length === 0) return undefined;
  const coalesced = seen !== undefined && now.version - seen.version > 1;
  return { snapshot: now.snapshot, changes, cause: causeOf(seen, now), coalesced };
}

function causeOf(seen: View | undefined, now: View): Batch['cause'] {
  if (seen === undefined) return 'initial';
  if (seen.swaps !== now.swaps) return 'swap';
  return seen.resyncs === now.resyncs ? 'delta' : 'resync';
}
