import { Endpoints, type ErrorCode, WatchError } from '@rollcall/core';
import type { Connection, ConnectionOptions } from './connection.js';

/** Errors that another endpoint may not have. */
const OF_THE_ENDPOINT: ReadonlySet<ErrorCode> = new Set([
  'BAD_RESPONSE',
  'INTERNAL',
  'RATE_LIMITED',
  'TIMEOUT',
  'TLS',
  'UNAVAILABLE',
  'UNREACHABLE',
]);

/** A connection to use, and how often it had failed by then. */
export interface Lease {
  readonly connection: Connection;
  readonly failures: number;
}

/** The endpoints of one cluster and a connection to each that is in use. */
export class Cluster {
  readonly size: number;
  readonly #endpoints: Endpoints;
  readonly #options: ConnectionOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #failures = new Map<string, number>();
  readonly #refusedTls = new Set<string>();
  #closed = false;

  /** @param endpoints `host:port`, at least one, each once. */
  constructor(endpoints: readonly string[], options: ConnectionOptions) {
    this.size = endpoints.length;
    this.#endpoints = new Endpoints(endpoints, options.timing);
    this.#options = options;
  }

  /**
   * A connection to the endpoint whose turn it is.
   * @throws WatchError CLOSED, or INVALID_OPTION for TLS options that cannot be used.
   */
  async lease(): Promise<Lease> {
    // Who merely names this adapter does not pay for loading the client.
    const { Connection } = await import('./connection.js');
    if (this.#closed) throw new WatchError('CLOSED', 'The Consul source was closed.');
    const endpoint = this.#endpoints.pick();
    let connection = this.#connections.get(endpoint);
    if (connection === undefined) {
      connection = new Connection(endpoint, this.#options);
      this.#connections.set(endpoint, connection);
    }
    return { connection, failures: this.#failures.get(endpoint) ?? 0 };
  }

  succeeded({ connection }: Lease): void {
    this.#endpoints.succeeded(connection.endpoint);
    this.#refusedTls.clear();
  }

  /**
   * Takes note of a failure: where the endpoint may be its cause, the next lease is on another one if there is one.
   * @returns what to throw.
   */
  failed({ connection: { endpoint }, failures }: Lease, thrown: unknown): WatchError {
    const error = WatchError.from(thrown);
    if (!isOfTheEndpoint(error)) return error;
    // One outage fails all watches of an endpoint at once, and counts once.
    if (failures !== (this.#failures.get(endpoint) ?? 0)) return error;
    this.#failures.set(endpoint, failures + 1);
    const reported = this.#endpoints.failed(endpoint, error);
    return error.code === 'TLS' ? this.#refused(endpoint, error, reported) : reported;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  /** TLS is fatal, but one server's bad certificate must not end what the others can serve. */
  #refused(endpoint: string, error: WatchError, reported: WatchError): WatchError {
    this.#refusedTls.add(endpoint);
    if (this.#refusedTls.size === this.size) return error;
    return reported === error ? new WatchError('UNREACHABLE', error.message, { cause: error }) : reported;
  }
}

export function isOfTheEndpoint(error: WatchError): boolean {
  return OF_THE_ENDPOINT.has(error.code);
}
