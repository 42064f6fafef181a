import type { Socket } from 'node:net';
import { type Endpoint, formatEndpoint, type Timing, WatchError } from '@rollcall/core';
import { allowList } from '../address/allow.js';
import { quote } from '../address/endpoint.js';
import { brokerFailure } from './brokerFailure.js';
import { dial, handshake } from './dial.js';
import { inspect } from './inspect.js';
import type { ClusterView, DialOptions, Gate, GateOptions } from './types.js';

const DIAL_TIMEOUT_MS = 2000;

/** Dials, asks and judges, for `createGate()`. */
export class ClusterGate implements Gate {
  readonly refusal: Gate['refusal'];
  readonly #options: GateOptions;
  readonly #timing: Timing;
  #clusterId: string | undefined;

  constructor(options: GateOptions, timing: Timing) {
    this.refusal = allowList(options.allow);
    this.#options = options;
    this.#timing = timing;
    this.#clusterId = options.clusterId;
  }

  get clusterId(): string | undefined {
    return this.#clusterId;
  }

  get asks(): boolean {
    return this.#clusterId !== undefined || this.#options.allow !== undefined;
  }

  learn(clusterId: string): void {
    this.#clusterId ??= clusterId;
  }

  probe(endpoint: Endpoint, options: DialOptions): Promise<ClusterView> {
    return this.#inTime(endpoint, options, (signal) => this.#ask(endpoint, signal));
  }

  connect(endpoint: Endpoint, options: DialOptions): Promise<Socket> {
    return this.#inTime(endpoint, options, async (signal) => {
      const socket = await dial(endpoint, signal);
      try {
        // Looked at now: a cluster may have been learned while this was dialled.
        if (this.asks) await this.#verify(endpoint, socket, signal);
        return socket;
      } catch (error) {
        socket.destroy();
        throw error;
      }
    });
  }

  /** On the connection itself, which is then as good as new; but a login or TLS is the client's own to begin. */
  async #verify(endpoint: Endpoint, socket: Socket, signal: AbortSignal): Promise<void> {
    const { tls, sasl } = this.#options;
    if (tls !== undefined || sasl !== undefined) await this.#ask(endpoint, signal);
    else this.#judge(endpoint, await inspect(socket, { signal }));
  }

  /** On a connection of its own. */
  async #ask(endpoint: Endpoint, signal: AbortSignal): Promise<ClusterView> {
    const { tls, sasl } = this.#options;
    const socket = await dial(endpoint, signal);
    try {
      const stream = tls === undefined ? socket : await handshake(socket, endpoint, tls === true ? {} : tls, signal);
      return this.#judge(endpoint, await inspect(stream, { sasl, signal }));
    } finally {
      socket.destroy();
    }
  }

  #judge(endpoint: Endpoint, view: ClusterView): ClusterView {
    const address = formatEndpoint(endpoint);
    const { clusterId } = this;
    if (clusterId !== undefined && view.clusterId !== clusterId) {
      const which = `the cluster ${quote(view.clusterId)}, not of ${quote(clusterId)}`;
      throw new WatchError('OTHER_CLUSTER', `The broker at ${address} is of ${which}: it is not connected to.`);
    }
    for (const broker of view.brokers) {
      const why = this.refusal(broker);
      if (why === undefined) continue;
      const message = `The broker at ${address} would send clients on to broker ${broker.nodeId}: ${why}.`;
      throw new WatchError('FORBIDDEN', message);
    }
    return view;
  }

  /** Admits the address, runs within the deadline and says what went wrong. */
  async #inTime<T>(
    endpoint: Endpoint,
    { signal, timeoutMs = DIAL_TIMEOUT_MS }: DialOptions,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const address = formatEndpoint(endpoint);
    const why = this.refusal(endpoint);
    if (why !== undefined) throw new WatchError('FORBIDDEN', `A broker is not connected to: ${why}.`);
    signal.throwIfAborted();
    const over = new AbortController();
    const onAbort = (): void => over.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const cancel = this.#timing.schedule(timeoutMs, () => {
      over.abort(new WatchError('TIMEOUT', `No answer from the broker at ${address} within ${timeoutMs} ms.`));
    });
    try {
      return await run(over.signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : brokerFailure(error, address);
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}
