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

/** The gate that `createGate()` makes: it dials a broker, asks it for its cluster, and refuses it or not. */
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
        // Read only now: the cluster id may have been learned during the dial.
        if (this.asks) await this.#verify(address, socket, signal);
        return socket;
      } catch (error) {
        socket.destroy();
        throw error;
      }
    });
  }

  /** Asks on the connection that the caller gets. Not with TLS or a login, which the client must begin itself. */
  async #verify(address: BrokerAddress, socket: Socket, signal: AbortSignal): Promise<void> {
    const { tls, sasl } = this.#options;
    // Dials the IP address of the open connection: the name may have several, or resolve to another one a moment later.
    const host = socket.remoteAddress ?? address.host;
    if (tls !== undefined || sasl !== undefined) await this.#ask(address, host, signal);
    else this.#judge(address, await inspect(socket, { address, signal }));
  }

  /**
   * Asks on a separate connection.
   * @param host what to dial. The certificate is verified for the name in the address.
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

  /** Refuses a forbidden address, runs within the deadline, and turns what is thrown into a WatchError. */
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
