import { Heap } from './heap.js';
import type { NodeState } from './member.js';
import type { Picker } from './picker.js';

/** The nodes of one priority. */
export class Tier {
  readonly priority: number;
  readonly #members: readonly NodeState[];
  readonly #pickerOf: (members: readonly NodeState[]) => Picker;
  /** Picks among nodes that are healthy or due for a try. */
  readonly #healthy: Picker;
  /** Picks among all nodes; made when all are unhealthy for the first time. */
  #all: Picker | undefined;
  /** The unhealthy nodes, by the time of their next try. */
  readonly #down = new Heap<NodeState>((a, b) => dueAt(a) < dueAt(b));

  constructor(members: readonly NodeState[], pickerOf: (members: readonly NodeState[]) => Picker) {
    this.priority = members[0]?.priority ?? 0;
    this.#members = members;
    this.#pickerOf = pickerOf;
    this.#healthy = pickerOf(members);
    for (const member of members) this.#place(member);
  }

  /** Picks a healthy node, or one that is due for a try. */
  pick(skip: (member: NodeState) => boolean, key: string, now: number): NodeState | undefined {
    for (let next = this.#down.first; next !== undefined && dueAt(next) <= now; next = this.#down.first) {
      this.#down.remove(next);
      this.#healthy.add(next);
    }
    const member = this.#healthy.pick(skip, key);
    if (member?.downUntil !== undefined) {
      member.isOnTrial = true;
      this.#healthy.remove(member);
    }
    return member;
  }

  /** Picks any node. */
  pickAny(skip: (member: NodeState) => boolean, key: string): NodeState | undefined {
    if (this.#all === undefined) {
      this.#all = this.#pickerOf(this.#members);
      for (const member of this.#members) this.#all.add(member);
    }
    return this.#all.pick(skip, key);
  }

  healthChanged(member: NodeState): void {
    this.#healthy.remove(member);
    this.#down.remove(member);
    this.#place(member);
  }

  activityChanged(member: NodeState): void {
    this.#healthy.activityChanged(member);
    this.#all?.activityChanged(member);
  }

  #place(member: NodeState): void {
    if (member.downUntil === undefined) this.#healthy.add(member);
    else if (!member.isOnTrial) this.#down.push(member);
  }
}

function dueAt({ downUntil = 0 }: NodeState): number {
  return downUntil;
}
