import { ConsistentHash } from './consistentHash.js';
import { BalancerError } from './errors.js';
import { LeastConnections } from './leastConnections.js';
import { type BalancedNode, type HealthLimits, NodeState } from './member.js';
import type { Picker } from './picker.js';
import { type AttemptResult, type BalancedRequest, RequestAttempts } from './request.js';
import { roundRobin } from './roundRobin.js';
import { Tier } from './tier.js';

const POLICIES = {
  roundRobin,
  consistentHash: (members: readonly NodeState[]): Picker => new ConsistentHash(members),
  leastConnections: (): Picker => new LeastConnections(),
} as const;

/** `roundRobin` is smooth and weighted; `consistentHash` needs a key for each request. */
export type Policy = keyof typeof POLICIES;

export interface BalancerOptions {
  /** Default: `roundRobin`. */
  readonly policy?: Policy;
  /** Failures without a success between them that make a node unhealthy; 0: none do. Default: 3, as in APISIX. */
  readonly maxFails?: number;
  /**
   * How long a node is unhealthy, ms; then one request tries it. Failures further apart than this are not counted
   * together. Default: 10,000, as in nginx.
   */
  readonly failTimeoutMs?: number;
  /** A monotonic clock, ms. */
  now(): number;
}

/**
 * Chooses the node for a request. It opens no connection and has no timer: the caller sends the request and reports its
 * result. Nodes of the highest priority come first. Unhealthy nodes are chosen if the request has tried all healthy
 * ones.
 */
export class Balancer<N extends BalancedNode> {
  readonly #pickerOf: (members: readonly NodeState[]) => Picker;
  readonly #limits: HealthLimits;
  readonly #now: () => number;
  #members = new Map<string, NodeState<N>>();
  #tiers: readonly Tier[] = [];

  /** @throws BalancerError INVALID_NODE, INVALID_OPTION. */
  constructor(nodes: Iterable<N>, options: BalancerOptions) {
    const { policy = 'roundRobin', maxFails = 3, failTimeoutMs = 10_000, now } = options;
    if (!Object.hasOwn(POLICIES, policy)) {
      throw new BalancerError('INVALID_OPTION', `"policy" must be one of ${Object.keys(POLICIES).join(', ')}.`);
    }
    for (const [name, value] of Object.entries({ maxFails, failTimeoutMs })) {
      if (!(value >= 0)) throw new BalancerError('INVALID_OPTION', `"${name}" must be 0 or more; it is ${value}.`);
    }
    this.#pickerOf = POLICIES[policy];
    this.#limits = { maxFails, failTimeoutMs };
    this.#now = now;
    this.update(nodes);
  }

  /** All nodes, also those with weight 0. */
  get nodes(): readonly N[] {
    return [...this.#members.values()].map(({ node }) => node);
  }

  /** Whether the node at `host:port` is healthy; undefined if there is no such node. */
  isHealthy(address: string): boolean | undefined {
    const member = this.#members.get(address);
    return member && member.downUntil === undefined;
  }

  /**
   * Replaces the nodes. A node at the same address keeps its health, its turn and its requests. If two have one
   * address, the later one counts.
   * @throws BalancerError INVALID_NODE; then the old nodes stay.
   */
  update(nodes: Iterable<N>): void {
    const before = this.#members;
    const after = new Map([...nodes].map((node) => new NodeState(node)).map((member) => [member.address, member]));
    for (const [address, member] of after) {
      const kept = before.get(address);
      if (kept === undefined) continue;
      kept.become(member);
      after.set(address, kept);
    }
    this.#members = after;
    const used = [...after.values()].filter(({ weight }) => weight > 0);
    const priorities = [...new Set(used.map(({ priority }) => priority))].sort((a, b) => b - a);
    this.#tiers = priorities.map((each) => {
      const members = used.filter(({ priority }) => priority === each);
      return new Tier(members, this.#pickerOf);
    });
  }

  /** Begins a request. @param options `key`: `consistentHash` gives requests of one key to one node. */
  request({ key = '' }: { readonly key?: string } = {}): BalancedRequest<N> {
    return new RequestAttempts<N>({
      isEmpty: this.#tiers.length === 0,
      pick: (isTried) => this.#pick(isTried, key),
      ended: (member, outcome) => this.#ended(member, outcome),
    });
  }

  #pick(isTried: (address: string) => boolean, key: string): NodeState<N> | undefined {
    const skip = ({ address }: NodeState): boolean => isTried(address);
    const now = this.#now();
    const picked =
      firstFrom(this.#tiers, (tier) => tier.pick(skip, key, now)) ??
      firstFrom(this.#tiers, (tier) => tier.pickAny(skip, key));
    if (picked === undefined) return undefined;
    const member = picked as NodeState<N>;
    member.active++;
    this.#tierOf(member)?.activityChanged(member);
    return member;
  }

  #ended(member: NodeState<N>, outcome: AttemptResult): void {
    const { downUntil, isOnTrial } = member;
    member.active--;
    if (outcome === 'succeeded') member.succeeded();
    else if (outcome === 'failed') member.failed(this.#now(), this.#limits);
    else member.isOnTrial = false;
    // The node may have been replaced meanwhile.
    if (this.#members.get(member.address) !== member) return;
    const tier = this.#tierOf(member);
    tier?.activityChanged(member);
    if (member.downUntil !== downUntil || member.isOnTrial !== isOnTrial) tier?.healthChanged(member);
  }

  #tierOf({ priority, weight }: NodeState): Tier | undefined {
    return weight > 0 ? this.#tiers.find((tier) => tier.priority === priority) : undefined;
  }
}

function firstFrom(tiers: readonly Tier[], pick: (tier: Tier) => NodeState | undefined): NodeState | undefined {
  for (const tier of tiers) {
    const member = pick(tier);
    if (member !== undefined) return member;
  }
  return undefined;
}
