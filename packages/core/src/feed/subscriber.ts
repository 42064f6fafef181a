import type { HeldSnapshot } from '../model/changes.js';
import type { Status } from '../model/types.js';

/** One move of the held state. */
export interface Step {
  readonly snapshot: HeldSnapshot;
  /** Whether a reader could see a difference. The first state counts, even if empty. */
  readonly changed: boolean;
  /** How many entries it changed, or more: a large difference is told to readers in slices. */
  readonly edits: number;
  /** Came of a full read, so that a missing key was inferred deleted. */
  readonly full: boolean;
}

/** Who listens to a shared watch. */
export interface Subscriber {
  onStep(step: Step, resync: boolean): void;
  onStatus(status: Status): void;
}
