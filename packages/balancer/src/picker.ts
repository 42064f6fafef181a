import type { Member } from './member.js';

/** Picks one of a number of members: a policy. Members share what is remembered of them between pickers. */
export interface Picker {
  /** @returns undefined when there is none, or all are skipped. */
  pick(skip: (member: Member) => boolean, key: string): Member | undefined;
  /** The member may be picked from now on. */
  add(member: Member): void;
  /** It is not picked until it is added again. */
  remove(member: Member): void;
  /** It works on more requests, or fewer, than before. */
  activityChanged(member: Member): void;
}
