import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { WatchError } from '@rollcall/core';
import { type Endpoint, formatEndpoint } from '@rollcall/core/adapter';
import { createGate } from '../src/gate/gate.js';
import type { ClusterView, DialOptions, Gate, GateOptions } from '../src/gate/types.js';

/** What a broker does when it is asked: tells its cluster's id, fails, or never answers. */
type Answer = string | WatchError | 'never';

/** A gate whose brokers are a table. One that is not in it is unreachable. */
export class FakeGate implements Gate {
  readonly #gate: Gate;
  /** By `host:port`. */
  readonly brokers = new Map<string, Answer>();
  /** Every broker that was asked, in order. */
  readonly asked: string[] = [];
  /** How many are asked now, and how many were at most. */
  open = 0;
  most = 0;
  clusterId: string | undefined;
  readonly #allows: boolean;

  constructor({ allow, clusterId }: GateOptions = {}) {
    this.#gate = createGate(allow === undefined ? {} : { allow });
    this.#allows = allow !== undefined;
    this.clusterId = clusterId;
  }

  get asks(): boolean {
    return this.clusterId !== undefined || this.#allows;
  }

  refusal(endpoint: Endpoint): string | undefined {
    return this.#gate.refusal(endpoint);
  }

  answer(answer: Answer, ...addresses: string[]): void {
    for (const address of addresses) this.brokers.set(address, answer);
  }

  learn(clusterId: string): void {
    this.clusterId ??= clusterId;
  }

  async probe(endpoint: Endpoint, { signal, timeoutMs }: DialOptions): Promise<ClusterView> {
    const address = formatEndpoint(endpoint);
    this.asked.push(address);
    this.most = Math.max(this.most, ++this.open);
    try {
      const answer = this.brokers.get(address) ?? new WatchError('UNREACHABLE', `Nobody answers at ${address}.`);
      await turn();
      if (answer === 'never') await silence(signal, timeoutMs ?? 0);
      if (answer instanceof WatchError) throw answer;
      if (this.clusterId !== undefined && answer !== this.clusterId) {
        throw new WatchError('OTHER_CLUSTER', `The broker at ${address} is of ${answer}.`);
      }
      return { clusterId: answer, brokers: [] };
    } finally {
      this.open--;
    }
  }

  connect(): Promise<Socket> {
    throw new Error('a list connects to nobody');
  }
}

function silence(signal: AbortSignal, timeoutMs: number): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => reject(new WatchError('TIMEOUT', 'No answer.')), timeoutMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
