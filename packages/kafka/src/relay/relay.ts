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

/** While a client waits for any broker, all are tried again after this time, ms. */
const RETRY_MS = 250;

/** What a relay needs of a `BrokerList`. */
export interface RelayBrokers {
  /** `host:port` each. */
  readonly current: readonly string[];
  /** Which of them may be connected to. */
  readonly gate: Gate;
  /** Resolves as soon as there is a list. */
  ready(options: { signal: AbortSignal }): Promise<unknown>;
}

/** Counts since the start, but for `open`. */
export interface RelayStats {
  /** Connections of clients. */
  readonly accepted: number;
  /** Of these, how many there are now, forwarded or waiting. */
  readonly open: number;
  /** Of these, how many got a broker. */
  readonly forwarded: number;
  /** Brokers that could not be connected to, or may not. */
  readonly failedDials: number;
  /** Connections beyond `maxConnections`. */
  readonly refused: number;
}

/**
 * An address that never changes for brokers whose addresses do: each connection to it is forwarded to a broker of the list
 * as it is then. It serves any Kafka client in any language as its bootstrap server, because a client asks there only where
 * the brokers are, and connects to those directly; when it has lost them all it asks there again.
 *
 * A connection waits while there is no list yet. It is given to the next broker when one refuses, does not answer in time,
 * or is not let through by the list's gate. When none is left it waits for up to 5 s (`holdMs`), while all are tried
 * again, and is then reset, so that the client tries again. A broker that
 * failed in the last 10 s is tried last. With a cluster id, given or learned, none is forwarded to another cluster.
 *
 * Bytes are passed on as they are, so a login (SASL) is between client and broker; with GSSAPI it needs a ticket for the name
 * that was dialled. So it is with TLS: the client verifies the broker's certificate for the name by which it dialled the
 * relay. docs/relay.md says how each client is told another name.
 *
 * It holds the process until it is closed, and leaves the list open.
 */
export class BootstrapRelay implements AsyncDisposable {
  /** Where it listens: `127.0.0.1:9092`, `[::1]:9092`. */
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
    // A connection that could not be accepted (no file descriptor left) ends nothing else.
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
   * Tries all brokers of the list, again and again while the client may wait.
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

  /** One broker after the other, each once; undefined when none is left. @throws the signal's reason. */
  async #tryAll(signal: AbortSignal): Promise<{ readonly broker: Socket; readonly address: string } | undefined> {
    const tried = new Set<string>();
    for (;;) {
      // The list may have changed while the last one was dialled.
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
        // Also when the client gave up on it: clients may be less patient than the deadline, and must not meet it again.
        this.#choice.failed(address);
        if (signal.aborted) throw error;
        this.#counts.failedDials++;
        const { code, message } = WatchError.from(error);
        this.#warn(code, message);
      }
    }
  }

  /** @throws WatchError INVALID_OPTION for the relay's own address; as the gate's `connect`. */
  #dial(address: BrokerAddress, signal: AbortSignal): Promise<Socket> {
    const { gate } = this.#brokers;
    if (this.#self.isAt(address)) throw this.#itself(address);
    const onConnect = (socket: Socket): void => {
      // Behind a name there may be this very relay.
      if (this.#self.isPeerOf(socket, address)) throw this.#itself(address);
    };
    return gate.connect(address, { signal, timeoutMs: this.#options.dialTimeoutMs, onConnect });
  }

  #itself(address: BrokerAddress): WatchError {
    const why = 'the relay itself listens there; give the relay another port, or register where the brokers listen';
    return new WatchError('INVALID_OPTION', `The registry names ${address} as a broker, but ${why}.`);
  }

  /** A broker that hangs still takes connections: its system does. The client that gave up on it shall not meet it again. */
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
