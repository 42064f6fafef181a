import type { HeldSnapshot } from '../model/changes.js';
import type { Change, Status } from '../model/types.js';

/** One move of the held state. */
export interface Step {
  readonly snapshot: HeldSnapshot;
  /** Whether a reader could see a difference. The first state counts, even if empty. */
  readonly changed: boolean;
  /** How many entries it changed, or more: a large difference is told to readers in slices. */
  readonly edits: number;
  /** What it changed, where that is known without comparing the two states. In the order of a batch. */
  readonly changes?: readonly Change[];
  /** Came of a full read, so that a missing key was inferred deleted. */
  readonly full: boolean;
}

/** Who listens to a shared watch. */
export interface Subscriber {
  onStep(step: Step, resync: boolean): void;
  onStatus(status: Status): void;
  /** Whether somebody who was told of the last step is still at it. */
  isTaking?(): boolean;
}
