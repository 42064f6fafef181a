import { BalancerError } from './errors.js';
import type { BalancedNode, NodeState } from './member.js';

/** One attempt of a request at one node. End it by exactly one of the three calls. */
export interface Attempt<N> {
  readonly node: N;
  /** The node answered, whatever the answer. */
  succeeded(): void;
  /** The node did not answer, or not as it should. */
  failed(): void;
  /** The attempt ended for a reason that says nothing about the node: the client went away. */
  abandoned(): void;
}

/** The attempts of one request: each at another node. */
export interface BalancedRequest<N> {
  /**
   * The next node.
   * @throws BalancerError ALL_TRIED, NO_NODES.
   */
  next(): Attempt<N>;
}

export type AttemptResult = 'succeeded' | 'failed' | 'abandoned';

/** The part of a balancer that a request uses. */
export interface Picking<N extends BalancedNode> {
  /** Whether there is a node to pick. */
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
