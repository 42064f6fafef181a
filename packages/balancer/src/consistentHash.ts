import { hashOf, mixed } from './hash.js';
import type { NodeState } from './member.js';
import type { Picker } from './picker.js';

/**
 * Points of the heaviest node on the ring, or up to twice as many. A node's share is off by about 1/sqrt(points), so
 * that of a thousand equal nodes none has more than 1.25 times its share (5.6 standard deviations).
 */
const POINTS = 512;
/** A point is one number: 32 bits of hash, then 20 bits for the node's index. */
const INDEXES = 2 ** 20;

/**
 * A hash ring: a key belongs to the node of the next point after its hash. If a node goes, only its own keys move,
 * spread over all other nodes. O(log n) a pick, and one step for each point of a node that may not be picked.
 */
export class ConsistentHash implements Picker {
  readonly #members: readonly NodeState[];
  readonly #ring: Float64Array;
  readonly #in = new Set<NodeState>();

  constructor(members: readonly NodeState[]) {
    // Sorted by address: the order of points at one place must not depend on the other nodes.
    this.#members = [...members].sort((a, b) => (a.address < b.address ? -1 : 1));
    this.#ring = ringOf(this.#members);
  }

  pick(skip: (member: NodeState) => boolean, key: string): NodeState | undefined {
    if (this.#in.size === 0) return undefined;
    const ring = this.#ring;
    const from = firstAtOrAfter(ring, hashOf(key, 0) * INDEXES);
    for (let step = 0; step < ring.length; step++) {
      const point = ring[(from + step) % ring.length] as number;
      const member = this.#members[point % INDEXES] as NodeState;
      if (this.#in.has(member) && !skip(member)) return member;
    }
    return undefined;
  }

  add(member: NodeState): void {
    this.#in.add(member);
  }

  remove(member: NodeState): void {
    this.#in.delete(member);
  }

  activityChanged(): void {}
}

/** A node's points depend on its own address and weight, and on the power of two in the largest weight. */
function ringOf(members: readonly NodeState[]): Float64Array {
  const largest = Math.max(...members.map(({ weight }) => weight));
  const unit = 2 ** Math.floor(Math.log2(largest));
  const counts = members.map(({ weight }) => Math.max(1, Math.round((POINTS * weight) / unit)));
  const ring = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const [index, { address }] of members.entries()) {
    const [one, other] = [hashOf(address, 1), hashOf(address, 2)];
    for (let i = 0; i < (counts[index] as number); i++) {
      ring[at++] = mixed(one ^ mixed(other + Math.imul(i, 0x9e3779b9))) * INDEXES + index;
    }
  }
  return ring.sort();
}

function firstAtOrAfter(ring: Float64Array, point: number): number {
  let [low, high] = [0, ring.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ring[middle] as number) < point) low = middle + 1;
    else high = middle;
  }
  return low % ring.length;
}
