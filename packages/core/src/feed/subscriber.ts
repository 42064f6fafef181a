import type { HeldSnapshot } from '../model/changes.js';
import type { Change, Status } from '../model/types.js';

/** One change of the core's state. */
export interface Step {
  readonly snapshot: HeldSnapshot;
  /** Whether a reader could see a difference. The first state counts, even if empty. */
  readonly changed: boolean;
  /** How many entries changed, at most. Readers get a large difference in slices. */
  readonly edits: number;
  /** The changes in the order of a batch, if they are known without comparing the two states. */
  readonly changes?: readonly Change[];
  /** True for a full read: a missing key was inferred deleted. */
  readonly full: boolean;
}

/** A listener of a shared watch. */
export interface Subscriber {
  onStep(step: Step, resync: boolean): void;
  onStatus(status: Status): void;
  /** Whether a reader is still working on the last step. */
  isTaking?(): boolean;
}
