import type { Socket } from 'node:net';
import { BrokerAddress, type Timing, WatchError } from '@rollcall/core';
import type { Endpoint } from '@rollcall/core/adapter';
import { LinkedAbort, quote } from '@rollcall/core/internal';
import { allowList } from '../address/allow.js';
import { brokerFailure } from './brokerFailure.js';
import { dial, handshake } from './dial.js';
import { inspect } from './inspect.js';
import type { ClusterView, DialOptions, Gate, GateOptions } from './types.js';

const DIAL_TIMEOUT_MS = 2000;

/** Dials, asks and judges, for `createGate()`. */
export class ClusterGate implements Gate {
  readonly #allow: (address: BrokerAddress) => string | undefined;
  readonly #options: GateOptions;
  readonly #timing: Timing;
  #clusterId: string | undefined;

  constructor(options: GateOptions, timing: Timing) {
    this.#allow = allowList(options.allow);
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

  refusal(endpoint: Endpoint): string | undefined {
    try {
      return this.#allow(addressOf(endpoint));
    } catch (error) {
      return (error as Error).message; // no address at all, whoever advertises it
    }
  }

  probe(endpoint: Endpoint, options: DialOptions): Promise<ClusterView> {
    return this.#inTime(endpoint, options, (address, signal) => this.#ask(address, address.host, signal));
  }

  connect(endpoint: Endpoint, options: DialOptions): Promise<Socket> {
    return this.#inTime(endpoint, options, async (address, signal) => {
      const socket = await dial(address, signal);
      try {
        options.onConnect?.(socket);
        // Looked at now: a cluster may have been learned while this was dialled.
        if (this.asks) await this.#verify(address, socket, signal);
        return socket;
      } catch (error) {
        socket.destroy();
        throw error;
      }
    });
  }

  /** On the connection itself, which is then as good as new; but a login or TLS is the client's own to begin. */
  async #verify(address: BrokerAddress, socket: Socket, signal: AbortSignal): Promise<void> {
    const { tls, sasl } = this.#options;
    // A name may have several IP addresses, or another one a moment later: the one that is asked is the one in use.
    const host = socket.remoteAddress ?? address.host;
    if (tls !== undefined || sasl !== undefined) await this.#ask(address, host, signal);
    else this.#judge(address, await inspect(socket, { address, signal }));
  }

  /**
   * On a connection of its own.
   * @param host what to dial; the certificate is that of the address.
   */
  async #ask(address: BrokerAddress, host: string, signal: AbortSignal): Promise<ClusterView> {
    const { tls, sasl } = this.#options;
    const socket = await dial({ host, port: address.port }, signal);
    try {
      const stream = tls === undefined ? socket : await handshake(socket, address, tls === true ? {} : tls, signal);
      return this.#judge(address, await inspect(stream, { address, sasl, signal }));
    } finally {
      socket.destroy();
    }
  }

  #judge(address: BrokerAddress, view: ClusterView): ClusterView {
    const { clusterId } = this;
    if (clusterId !== undefined && view.clusterId !== clusterId) {
      const which = `the cluster ${quote(view.clusterId)}, not of ${quote(clusterId)}`;
      throw new WatchError('OTHER_CLUSTER', `The broker at ${address} is of ${which}: it is not connected to.`);
    }
    if (this.#options.allow === undefined) return view;
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
    run: (address: BrokerAddress, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const why = this.refusal(endpoint);
    if (why !== undefined) throw new WatchError('FORBIDDEN', `A broker is not connected to: ${why}.`);
    signal.throwIfAborted();
    const address = addressOf(endpoint);
    using over = new LinkedAbort(signal);
    const cancel = this.#timing.schedule(timeoutMs, () => {
      over.abort(new WatchError('TIMEOUT', `No answer from the broker at ${address} within ${timeoutMs} ms.`));
    });
    try {
      return await run(address, over.signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : brokerFailure(error, String(address));
    } finally {
      cancel();
    }
  }
}

function addressOf(endpoint: Endpoint): BrokerAddress {
  return endpoint instanceof BrokerAddress ? endpoint : BrokerAddress.of(endpoint.host, endpoint.port);
}
