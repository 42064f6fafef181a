import type { NodeState } from './member.js';

/** A policy: picks one of its members. Members keep their state when another picker takes over. */
export interface Picker {
  /** @returns undefined if all members are skipped. */
  pick(skip: (member: NodeState) => boolean, key: string): NodeState | undefined;
  /** Adds a member. */
  add(member: NodeState): void;
  /** Removes a member. */
  remove(member: NodeState): void;
  /** The number of a member's running requests has changed. */
  activityChanged(member: NodeState): void;
}
