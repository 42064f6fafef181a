import { firstOf, Heap } from './heap.js';
import type { NodeState } from './member.js';
import type { Picker } from './picker.js';

/** Picks the node with the fewest running requests for its weight; of equals, the one picked longest ago. O(log n). */
export class LeastConnections implements Picker {
  readonly #heap = new Heap<NodeState>((a, b) => load(a) - load(b) < 0 || (load(a) === load(b) && a.turn < b.turn));
  #picks = 0;

  pick(skip: (member: NodeState) => boolean): NodeState | undefined {
    const member = firstOf(this.#heap, skip);
    if (member === undefined) return undefined;
    member.turn = ++this.#picks;
    this.#heap.moved(member);
    return member;
  }

  add(member: NodeState): void {
    this.#picks = Math.max(this.#picks, member.turn);
    if (!this.#heap.has(member)) this.#heap.push(member);
  }

  remove(member: NodeState): void {
    this.#heap.remove(member);
  }

  activityChanged(member: NodeState): void {
    this.#heap.moved(member);
  }
}

/** The load with one more request. */
function load({ active, weight }: NodeState): number {
  return (active + 1) / weight;
}
