import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BrokerAddress, WatchError } from '@rollcall/core';
import { formatEndpoint } from '@rollcall/core/adapter';
import { delay, LogThrottle } from '@rollcall/core/internal';
import { SOCKET_OPTIONS } from '../gate/dial.js';
import type { Gate } from '../gate/types.js';
import { BrokerChoice } from './brokerChoice.js';
import { join, reset } from './join.js';
import { type CheckedRelayOptions, checkedRelayOptions, type RelayOptions } from './options.js';
import { OwnAddress } from './ownAddress.js';
import { WaitingClient } from './waitingClient.js';

/** While a client waits, all brokers are tried again after this time, ms. */
const RETRY_MS = 250;

/** The part of a `BrokerList` that a relay uses. */
export interface RelayBrokers {
  /** `host:port` each. */
  readonly current: readonly string[];
  /** Decides which of them may be connected to. */
  readonly gate: Gate;
  /** Resolves as soon as there is a list. */
  ready(options: { signal: AbortSignal }): Promise<unknown>;
}

/** Counts since the start; `open` is the present number. */
export interface RelayStats {
  /** Connections accepted. */
  readonly accepted: number;
  /** Connections open now, forwarded or waiting. */
  readonly open: number;
  /** Connections that were forwarded to a broker. */
  readonly forwarded: number;
  /** Dials that failed or were refused by the gate. */
  readonly failedDials: number;
  /** Connections refused because of `maxConnections`. */
  readonly refused: number;
}

/**
 * An address that never changes, for brokers whose addresses do. Each connection to it is forwarded to a broker of the
 * present list. Any Kafka client in any language can use it as its bootstrap server: a client asks there only where the
 * brokers are, and connects to those directly. When it has lost all brokers, it asks there again.
 *
 * A connection waits while there is no list yet. If a broker refuses, does not answer in time or is refused by the
 * list's gate, the connection goes to the next one. If none is left, it waits up to `holdMs` (5 s) while all are tried
 * again, and is then reset, so that the client tries again. A broker that failed in the last 10 s is tried last. With a
 * cluster id, no connection is forwarded to another cluster.
 *
 * Bytes pass unchanged, so logins (SASL) and TLS are between client and broker: the client verifies the broker's
 * certificate for the name by which it dialled the relay, and GSSAPI needs a ticket for that name. docs/relay.md says
 * how to give each client another name.
 *
 * It keeps the process running until it is closed. Closing it leaves the list open.
 */
export class BootstrapRelay implements AsyncDisposable {
  /** The address it listens on: `127.0.0.1:9092`, `[::1]:9092`. */
  readonly address: string;
  readonly port: number;
  readonly #brokers: RelayBrokers;
  readonly #server: Server;
  readonly #options: CheckedRelayOptions;
  readonly #throttle: LogThrottle;
  readonly #choice: BrokerChoice;
  readonly #self: OwnAddress;
  readonly #sockets = new Set<Socket>();
  readonly #counts = { accepted: 0, open: 0, forwarded: 0, failedDials: 0, refused: 0 };
  #closing: Promise<void> | undefined;

  private constructor(brokers: RelayBrokers, server: Server, options: CheckedRelayOptions) {
    const { address, port } = server.address() as AddressInfo;
    this.address = formatEndpoint({ host: address, port });
    this.port = port;
    this.#brokers = brokers;
    this.#server = server;
    this.#options = options;
    this.#throttle = new LogThrottle(options.logger, options.timing);
    this.#choice = new BrokerChoice(options.timing);
    this.#self = new OwnAddress(address, port, options.timing);
    server.on('connection', (client) => void this.#serve(client));
    server.on('drop', () => this.#refuse());
    // One connection that cannot be accepted (no file descriptor left) must not end the relay.
    server.on('error', (error) => this.#warn('UNAVAILABLE', `The relay cannot accept a connection: ${error.message}.`));
  }

  /**
   * Listens, whether or not there is a list yet.
   * @throws WatchError INVALID_OPTION, also for an address that cannot be listened on.
   */
  static async listen(brokers: RelayBrokers, options: RelayOptions = {}): Promise<BootstrapRelay> {
    const checked = checkedRelayOptions(options);
    const { host, port, maxConnections, logger } = checked;
    const server = createServer(SOCKET_OPTIONS);
    server.maxConnections = maxConnections;
    try {
      await once(server.listen({ host, port }), 'listening');
    } catch (error) {
      throw cannotListen(host, port, error as NodeJS.ErrnoException);
    }
    const relay = new BootstrapRelay(brokers, server, checked);
    if (!/^(127\.|\[::1\])/.test(relay.address)) {
      logger.warn(
        { address: relay.address },
        `The relay listens on ${relay.address}: whoever reaches this host reaches the brokers through it.`,
      );
    }
    return relay;
  }

  get stats(): RelayStats {
    return { ...this.#counts };
  }

  /** Stops listening and resets every connection. Idempotent; settles within 1 s. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = [this.#server, ...this.#sockets].map(
      (each) => new Promise((resolve) => each.once('close', resolve)),
    );
    this.#server.close();
    for (const socket of this.#sockets) reset(socket);
    await Promise.all(closed);
  }

  async #serve(client: Socket): Promise<void> {
    this.#counts.accepted++;
    this.#counts.open++;
    this.#own(client);
    client.once('close', () => this.#counts.open--);
    const waiting = new WaitingClient(client);
    try {
      await this.#brokers.ready({ signal: waiting.over });
      const { broker, address } = await this.#connect(waiting.over);
      this.#own(broker);
      this.#counts.forwarded++;
      this.#watchForSilence(client, broker, address);
      join(client, broker, waiting.take(), this.#options.timing);
    } catch (thrown) {
      const { code, message } = WatchError.from(thrown);
      if (!waiting.gone) this.#warn(code, `A client of the relay is reset: ${message}`);
      reset(client);
    }
  }

  /**
   * Tries all brokers of the list, repeatedly while the client may wait.
   * @throws WatchError NO_HEALTHY_ENDPOINT; the signal's reason.
   */
  async #connect(signal: AbortSignal): Promise<{ readonly broker: Socket; readonly address: string }> {
    const { holdMs, timing } = this.#options;
    const until = timing.now() + holdMs;
    for (;;) {
      const found = await this.#tryAll(signal);
      if (found !== undefined) return found;
      if (timing.now() >= until) {
        throw new WatchError('NO_HEALTHY_ENDPOINT', 'No broker of the list can be connected to.');
      }
      await delay(timing, RETRY_MS, signal);
      signal.throwIfAborted();
    }
  }

  /** Tries each broker once; undefined if none is left. @throws the signal's reason. */
  async #tryAll(signal: AbortSignal): Promise<{ readonly broker: Socket; readonly address: string } | undefined> {
    const tried = new Set<string>();
    for (;;) {
      // The list may have changed during the last dial.
      const address = this.#choice.next(this.#brokers.current, tried);
      if (address === undefined) return undefined;
      tried.add(address);
      try {
        const broker = await this.#dial(BrokerAddress.parse(address), signal);
        if (signal.aborted) broker.destroy();
        signal.throwIfAborted();
        this.#choice.succeeded(address);
        return { broker, address };
      } catch (error) {
        // Also if the client gave up first: it may be less patient than the deadline, and must not meet the same broker
        // again.
        this.#choice.failed(address);
        if (signal.aborted) throw error;
        this.#counts.failedDials++;
        const { code, message } = WatchError.from(error);
        this.#warn(code, message);
      }
    }
  }

  /** @throws WatchError INVALID_OPTION for the relay's own address; otherwise as the gate's `connect`. */
  #dial(address: BrokerAddress, signal: AbortSignal): Promise<Socket> {
    const { gate } = this.#brokers;
    if (this.#self.isAt(address)) throw this.#itself(address);
    const onConnect = (socket: Socket): void => {
      // A name may lead to this relay.
      if (this.#self.isPeerOf(socket, address)) throw this.#itself(address);
    };
    return gate.connect(address, { signal, timeoutMs: this.#options.dialTimeoutMs, onConnect });
  }

  #itself(address: BrokerAddress): WatchError {
    const why = 'the relay itself listens there; give the relay another port, or register where the brokers listen';
    return new WatchError('INVALID_OPTION', `The registry names ${address} as a broker, but ${why}.`);
  }

  /**
   * Notices a broker that hangs: the operating system still accepts its connections. The next connection of the client
   * goes to another broker.
   */
  #watchForSilence(client: Socket, broker: Socket, address: string): void {
    const before = broker.bytesRead;
    broker.once('close', () => {
      const asked = client.bytesRead > 0;
      if (broker.bytesRead > before || !asked || this.#closing !== undefined) return;
      this.#choice.failed(address);
      this.#warn(
        'SILENT',
        `The broker at ${address} took a connection and answered nothing: others are tried before it.`,
      );
    });
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
  }

  #refuse(): void {
    this.#counts.refused++;
    const { maxConnections } = this.#options;
    this.#warn('RATE_LIMITED', `The relay has ${maxConnections} connections (maxConnections): more are refused.`);
  }

  #warn(code: WatchError['code'], message: string): void {
    this.#throttle.warn(new WatchError(code, message), message);
  }
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): WatchError {
  const where = `The relay cannot listen on ${formatEndpoint({ host, port })}`;
  const why =
    error.code === 'EADDRINUSE'
      ? 'another process has the port; give another one, or 0 for any that is free'
      : `${error.message}; check host and port`;
  return new WatchError('INVALID_OPTION', `${where}: ${why}.`, { cause: error });
}

/**
 * A relay that listens, whether or not there is a list yet.
 * @throws WatchError INVALID_OPTION, also for an address that cannot be listened on.
 */
export function createRelay(brokers: RelayBrokers, options?: RelayOptions): Promise<BootstrapRelay> {
  return BootstrapRelay.listen(brokers, options);
}
