import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Endpoint } from '@rollcall/core/adapter';

/** What one broker says of its cluster. */
export interface ClusterView {
  readonly clusterId: string;
  /** Where each broker is to be reached, as the cluster advertises it to clients: clients go there. */
  readonly brokers: readonly AdvertisedBroker[];
}

export interface AdvertisedBroker extends Endpoint {
  readonly nodeId: number;
  readonly rack?: string;
}

/** Rollcall logs in before it knows which cluster a broker is of: give `allow`, and for `plain` give `tls`, too. */
export type SaslOptions = PasswordSasl | CustomSasl;

export interface PasswordSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** A mechanism that the caller speaks: OAUTHBEARER, AWS_MSK_IAM, GSSAPI. */
export interface CustomSasl {
  /** As the broker calls it, in upper case: `OAUTHBEARER`. */
  readonly mechanism: string;
  /**
   * Logs in on one connection: sends each message of the client and reads the broker's answer to it (SaslAuthenticate).
   * What it throws is the reason why the broker cannot be asked; a message of it goes to logs.
   * @example authenticate: async ({ send }) => { await send(`n,,\x01auth=Bearer ${await token()}\x01\x01`); }
   */
  authenticate(session: SaslSession): Promise<void>;
}

export interface SaslSession {
  /** The broker's, as it was dialled. */
  readonly host: string;
  readonly port: number;
  /** Aborted when the time for the broker is over. */
  readonly signal: AbortSignal;
  /** @throws when the broker refuses the message, or does not answer. */
  send(message: string | Uint8Array): Promise<Uint8Array>;
}

/** How Rollcall itself speaks to brokers, to ask them for their cluster. */
export interface SecurityOptions {
  /** `true` for the system's authorities. */
  readonly tls?: true | ConnectionOptions;
  readonly sasl?: SaslOptions;
}

export interface GateOptions extends SecurityOptions {
  /** Hosts (`kafka-1.example.com`, `*.example.com`), addresses and CIDR blocks that may be connected to. Default: any. */
  readonly allow?: readonly string[];
  /** The one cluster whose brokers may be connected to. */
  readonly clusterId?: string;
}

export interface DialOptions {
  readonly signal: AbortSignal;
  /** For all of it, ms. Default: 2000. */
  readonly timeoutMs?: number;
  /** Called with the connection once it is open, before anything is sent on it. What it throws ends it. */
  readonly onConnect?: (socket: Socket) => void;
}

/** Which brokers may be connected to, whoever names them: a registry, or another broker. */
export interface Gate {
  /** The one that was given or learned; undefined: any. */
  readonly clusterId: string | undefined;
  /** Whether a broker is asked before it is connected to: there is a cluster id or an allow-list. */
  readonly asks: boolean;
  /** Takes this for the cluster from now on, if none was given or learned. */
  learn(clusterId: string): void;
  /** Why this address may not be connected to, one line; undefined when it may. */
  refusal(endpoint: Endpoint): string | undefined;
  /**
   * Asks a broker for its cluster, on a connection of its own.
   * @throws WatchError OTHER_CLUSTER; FORBIDDEN for an address, its own or one it advertises, outside the allow-list;
   *   UNREACHABLE, TIMEOUT, TLS, UNAUTHENTICATED, BAD_RESPONSE; or the signal's reason.
   */
  probe(endpoint: Endpoint, options: DialOptions): Promise<ClusterView>;
  /**
   * A TCP connection to a broker that may be connected to; whoever takes it closes it. With a cluster id or an allow-list
   * the broker is asked first: on this very connection, or with TLS or SASL on another one to the same IP address.
   * Without, it is not asked anything. Half-open is allowed.
   * @throws WatchError as `probe`.
   */
  connect(endpoint: Endpoint, options: DialOptions): Promise<Socket>;
}
