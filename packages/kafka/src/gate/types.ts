import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Endpoint } from '@rollcall/core/adapter';

/** What one broker answers about its cluster. */
export interface ClusterView {
  readonly clusterId: string;
  /** The address of each broker as the cluster advertises it: clients connect to these. */
  readonly brokers: readonly AdvertisedBroker[];
}

export interface AdvertisedBroker extends Endpoint {
  readonly nodeId: number;
  readonly rack?: string;
}

/**
 * A login by password. Rollcall logs in before it knows which cluster the broker belongs to, so give `allow`, and for
 * `plain` also `tls`.
 */
export type SaslOptions = PasswordSasl | CustomSasl;

export interface PasswordSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** A login by a mechanism of your own: OAUTHBEARER, AWS_MSK_IAM, GSSAPI. */
export interface CustomSasl {
  /** The mechanism's name at the broker, upper case: `OAUTHBEARER`. */
  readonly mechanism: string;
  /**
   * If it throws, the broker cannot be asked; the error's message is logged.
   * @example authenticate: async ({ send }) => { await send(`n,,\x01auth=Bearer ${await token()}\x01\x01`); }
   */
  authenticate(session: SaslSession): Promise<void>;
}

export interface SaslSession {
  /** The broker's address, as it was dialled. */
  readonly host: string;
  readonly port: number;
  /** Aborts when the time for this broker is over. */
  readonly signal: AbortSignal;
  /** @throws if the broker refuses the message or does not answer. */
  send(message: string | Uint8Array): Promise<Uint8Array>;
}

/** How Rollcall connects to brokers when it asks them for their cluster. */
export interface SecurityOptions {
  /** `true` for TLS with the system's certificate authorities. */
  readonly tls?: true | ConnectionOptions;
  readonly sasl?: SaslOptions;
}

export interface GateOptions extends SecurityOptions {
  /**
   * Hosts (`kafka-1.example.com`, `*.example.com`), addresses and CIDR blocks that may be connected to. Default: all.
   */
  readonly allow?: readonly string[];
  /** The id of the one cluster whose brokers may be connected to. Default: any. */
  readonly clusterId?: string;
}

export interface DialOptions {
  readonly signal: AbortSignal;
  /** Time for dial, TLS and questions together, ms. Default: 2000. */
  readonly timeoutMs?: number;
  /** Called with the open connection before anything is sent. If it throws, the connection is closed. */
  readonly onConnect?: (socket: Socket) => void;
}

/** Decides which brokers may be connected to, whoever named them: the registry, or another broker. */
export interface Gate {
  /** The cluster id that was given or learned; undefined: any cluster. */
  readonly clusterId: string | undefined;
  /** Whether a broker is asked before it is connected to: true with a cluster id or an allow-list. */
  readonly asks: boolean;
  /** Sets the cluster id, if none was given or learned before. */
  learn(clusterId: string): void;
  /** Why the address may not be connected to, in one line; undefined if it may. */
  refusal(endpoint: Endpoint): string | undefined;
  /**
   * Asks a broker for its cluster, on a separate connection.
   * @throws WatchError OTHER_CLUSTER; FORBIDDEN for an address, its own or one it advertises, outside the allow-list;
   *   UNREACHABLE, TIMEOUT, TLS, UNAUTHENTICATED, BAD_RESPONSE; or the signal's reason.
   */
  probe(endpoint: Endpoint, options: DialOptions): Promise<ClusterView>;
  /**
   * Opens a TCP connection to a broker that may be connected to. The caller must close it. With a cluster id or an
   * allow-list the broker is asked first: on this connection, or with TLS or SASL on a second one to the same IP
   * address. The connection may be half-closed.
   * @throws WatchError as `probe`.
   */
  connect(endpoint: Endpoint, options: DialOptions): Promise<Socket>;
}
