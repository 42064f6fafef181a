import type { NodeState } from './member.js';

/** Picks one of a number of members: a policy. Members share what is remembered of them between pickers. */
export interface Picker {
  /** @returns undefined when there is none, or all are skipped. */
  pick(skip: (member: NodeState) => boolean, key: string): NodeState | undefined;
  /** The member may be picked from now on. */
  add(member: NodeState): void;
  /** It is not picked until it is added again. */
  remove(member: NodeState): void;
  /** It works on more requests, or fewer, than before. */
  activityChanged(member: NodeState): void;
}
