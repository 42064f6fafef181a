import { BrokerAddress } from '@rollcall/core';
import { BalancerError } from './errors.js';

/** A node that takes requests. An instance of Consul's `?service=` is one as it is. */
export interface BalancedNode {
  /** A host name or an IP address. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** The node's share of the requests, relative to others of its priority, up to 1,000,000; 0 gets none. Default: 1. */
  readonly weight?: number | undefined;
  /** Nodes of a lower priority are chosen if all higher ones are unhealthy or tried. Default: 0. */
  readonly priority?: number | undefined;
}

/** Passive health: how many failures make a node unhealthy, and for how long. */
export interface HealthLimits {
  readonly maxFails: number;
  readonly failTimeoutMs: number;
}

/** The largest weight: sums of larger ones would lose digits. */
const MOST_WEIGHT = 1_000_000;

/** A node and its state. */
export class NodeState<N extends BalancedNode = BalancedNode> {
  node: N;
  weight: number;
  priority: number;
  /** `host:port`: identifies the node when nodes are replaced. */
  readonly address: string;
  /** Running requests. */
  active = 0;
  /** The policy's value for the node: a current weight, a deadline, or when it was picked. */
  turn = 0;
  /** When the node may be tried again; undefined while it is healthy. */
  downUntil: number | undefined;
  /** Whether the one request that tries an unhealthy node is running. */
  isOnTrial = false;
  #fails = 0;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(node: N) {
    this.address = addressOf(node);
    this.node = node;
    this.weight = numberOf(node, 'weight', 1);
    this.priority = numberOf(node, 'priority', 0);
    if (this.weight < 0 || this.weight > MOST_WEIGHT) {
      throw invalid(node, `weight is ${this.weight}; it must be from 0 to ${MOST_WEIGHT}`);
    }
  }

  /** Takes the new weight and priority of the same node. */
  become({ node, weight, priority }: NodeState<N>): void {
    this.node = node;
    this.weight = weight;
    this.priority = priority;
  }

  succeeded(): void {
    this.#fails = 0;
    this.isOnTrial = false;
    this.downUntil = undefined;
  }

  /** Counts a failure. Failures at most `failTimeoutMs` apart, without a success between them, count together. */
  failed(now: number, { maxFails, failTimeoutMs }: HealthLimits): void {
    if (now - this.#failedAt > failTimeoutMs) this.#fails = 0;
    this.#fails++;
    this.#failedAt = now;
    const isDown = maxFails > 0 && (this.#fails >= maxFails || this.isOnTrial || this.downUntil !== undefined);
    this.isOnTrial = false;
    if (isDown) this.downUntil = now + failTimeoutMs;
  }
}

function addressOf(node: BalancedNode): string {
  try {
    return BrokerAddress.of(node.host, node.port).toString();
  } catch (error) {
    throw new BalancerError('INVALID_NODE', `This node cannot be used: ${(error as Error).message}.`);
  }
}

function numberOf(node: BalancedNode, field: 'weight' | 'priority', otherwise: number): number {
  const value: unknown = node[field] ?? otherwise;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalid(node, `${field} is not a number`);
}

function invalid({ host, port }: BalancedNode, why: string): BalancerError {
  return new BalancerError('INVALID_NODE', `The node ${host}:${port} cannot be used: ${why}.`);
}
