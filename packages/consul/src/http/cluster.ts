import { Endpoints, isOfTheEndpoint, WatchError } from '@rollcall/core';
import type { Connection, ConnectionOptions } from './connection.js';

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
  }

  /**
   * Takes note of a failure: where the endpoint may be its cause, the next lease is on another one if there is one.
   * @returns what to throw.
   */
  failed({ connection: { endpoint }, failures }: Lease, thrown: unknown): WatchError {
    const error = WatchError.from(thrown);
    if (!isOfTheEndpoint(error)) return error;
    this.#connections.get(endpoint)?.dropIdle();
    // One outage fails all watches of an endpoint at once, and counts once.
    if (failures !== (this.#failures.get(endpoint) ?? 0)) return this.#endpoints.verdict(error);
    this.#failures.set(endpoint, failures + 1);
    return this.#endpoints.failed(endpoint, error);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }
}
