import { BalancerError } from './errors.js';
import type { BalancedNode, NodeState } from './member.js';

/** One try of a request at one node. It ends by the first call of one of the three. */
export interface Attempt<N> {
  readonly node: N;
  /** The node did its part, whatever it answered. */
  succeeded(): void;
  /** The node did not answer, or not as it should. */
  failed(): void;
  /** It ended for a reason that says nothing of the node, for instance because the client went. */
  abandoned(): void;
}

/** The tries of one request: no node twice. */
export interface BalancedRequest<N> {
  /**
   * The next node.
   * @throws BalancerError ALL_TRIED, NO_NODES.
   */
  next(): Attempt<N>;
}

export type AttemptResult = 'succeeded' | 'failed' | 'abandoned';

/** What a request needs of its balancer. */
export interface Picking<N extends BalancedNode> {
  /** Whether there is any node to pick. */
  readonly isEmpty: boolean;
  pick(isTried: (address: string) => boolean): NodeState<N> | undefined;
  ended(member: NodeState<N>, outcome: AttemptResult): void;
}

export class RequestAttempts<N extends BalancedNode> implements BalancedRequest<N> {
  readonly #picking: Picking<N>;
  readonly #tried = new Set<string>();

  constructor(picking: Picking<N>) {
    this.#picking = picking;
  }

  next(): Attempt<N> {
    const picked = this.#picking.pick((address) => this.#tried.has(address));
    if (picked === undefined) throw this.#noneLeft();
    const { node } = picked;
    this.#tried.add(picked.address);
    let isOpen = true;
    const end = (outcome: AttemptResult) => (): void => {
      if (isOpen) this.#picking.ended(picked, outcome);
      isOpen = false;
    };
    return { node, succeeded: end('succeeded'), failed: end('failed'), abandoned: end('abandoned') };
  }

  #noneLeft(): BalancerError {
    if (this.#picking.isEmpty) return new BalancerError('NO_NODES', 'There is no node with a weight above 0.');
    return new BalancerError('ALL_TRIED', `All nodes were tried (${[...this.#tried].join(', ')}).`);
  }
}
