import { firstOf, Heap } from './heap.js';
import type { NodeState } from './member.js';
import type { Picker } from './picker.js';

/** With more nodes than this, a pick is made by deadlines, in O(log n); otherwise in nginx's order. */
const SMOOTH_UP_TO = 1_000;

/** Weighted round robin: each node gets its share, and not in one run. */
export function roundRobin(members: readonly NodeState[]): Picker {
  return members.length <= SMOOTH_UP_TO ? new SmoothWeighted(members) : new EarliestDeadline(members);
}

/** Smooth weighted round robin, as in nginx: for weights 5, 1, 1 the order is a a b a c a a. O(n) a pick. */
class SmoothWeighted implements Picker {
  readonly #members: readonly NodeState[];
  readonly #in = new Set<NodeState>();

  constructor(members: readonly NodeState[]) {
    this.#members = members;
    // Weights may have shrunk: a node's current weight is at most one cycle's.
    const cycle = members.reduce((sum, { weight }) => sum + weight, 0);
    for (const member of members) member.turn = Math.max(-cycle, Math.min(member.turn, cycle));
  }

  pick(skip: (member: NodeState) => boolean): NodeState | undefined {
    let total = 0;
    let best: NodeState | undefined;
    for (const member of this.#members) {
      if (!this.#in.has(member) || skip(member)) continue;
      member.turn += member.weight;
      total += member.weight;
      if (best === undefined || member.turn > best.turn) best = member;
    }
    if (best !== undefined) best.turn -= total;
    return best;
  }

  add(member: NodeState): void {
    this.#in.add(member);
  }

  remove(member: NodeState): void {
    this.#in.delete(member);
    // The node's current weight is reset.
    member.turn = 0;
  }

  activityChanged(): void {}
}

/**
 * Each pick sets the node's next deadline: the heavier the node, the sooner. The earliest deadline is picked. O(log n)
 * a pick.
 */
class EarliestDeadline implements Picker {
  readonly #heap = new Heap<NodeState>((a, b) => a.turn < b.turn);
  #now: number;

  /** @param members keep their deadlines. */
  constructor(members: readonly NodeState[]) {
    const earliest = members.reduce((least, { turn }) => (turn > 0 ? Math.min(least, turn) : least), Infinity);
    this.#now = Number.isFinite(earliest) ? earliest : 0;
  }

  pick(skip: (member: NodeState) => boolean): NodeState | undefined {
    const member = firstOf(this.#heap, skip);
    if (member === undefined) return undefined;
    this.#now = Math.max(this.#now, member.turn);
    member.turn = this.#now + 1 / member.weight;
    this.#heap.moved(member);
    return member;
  }

  add(member: NodeState): void {
    // A node that was away gets nothing for that time.
    member.turn = Math.min(Math.max(member.turn, this.#now), this.#now + 1 / member.weight);
    if (!this.#heap.has(member)) this.#heap.push(member);
  }

  remove(member: NodeState): void {
    this.#heap.remove(member);
  }

  activityChanged(): void {}
}
