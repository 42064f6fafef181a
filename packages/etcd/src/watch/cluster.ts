import { Endpoints, isOfTheEndpoint, type Logger, systemTiming, WatchError } from '@rollcall/core';
import { toWatchError } from '../rpc/status.js';
import { knownDefects, type ServerVersion } from '../rpc/version.js';
import type { Connection, ConnectionOptions } from './connection.js';

export interface ClusterOptions extends ConnectionOptions {
  readonly logger: Logger;
}

/** The endpoints of one cluster and a connection to each that is in use: as long as all goes well, one. */
export class Cluster {
  readonly size: number;
  readonly #endpoints: Endpoints;
  readonly #options: ClusterOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #versions = new Set<ServerVersion>();
  #closed = false;

  /** @param endpoints `host:port`, at least one, each once. */
  constructor(endpoints: readonly string[], options: ClusterOptions) {
    this.size = endpoints.length;
    this.#endpoints = new Endpoints(endpoints, systemTiming);
    this.#options = options;
  }

  /**
   * A connection to the endpoint whose turn it is.
   * @throws WatchError CLOSED, or INVALID_OPTION for TLS options that cannot be used.
   */
  async connection(): Promise<Connection> {
    // gRPC takes about 100 ms to load: who merely names this adapter does not pay for it.
    const { Connection } = await import('./connection.js');
    if (this.#closed) throw new WatchError('CLOSED', 'The etcd source was closed.');
    const endpoint = this.#endpoints.pick();
    let connection = this.#connections.get(endpoint);
    if (connection === undefined) {
      connection = new Connection(endpoint, this.#options, (version) => this.#warnOf(version, endpoint));
      this.#connections.set(endpoint, connection);
    }
    return connection;
  }

  succeeded({ endpoint }: Connection): void {
    this.#endpoints.succeeded(endpoint);
  }

  /**
   * Takes note of a failure. Where the endpoint may be its cause, the next connection is a new one, to another endpoint
   * if there is one; calls that still run on this one go on.
   * @returns what to throw.
   */
  failed(connection: Connection, thrown: unknown): WatchError {
    const error = toWatchError(thrown, connection.endpoint);
    if (!isOfTheEndpoint(error)) return error;
    connection.close();
    // Another call on this connection failed before and was counted.
    if (this.#connections.get(connection.endpoint) !== connection) return this.#endpoints.verdict(error);
    this.#connections.delete(connection.endpoint);
    return this.#endpoints.failed(connection.endpoint, error);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  /** Once for each version. */
  #warnOf(version: ServerVersion, endpoint: string): void {
    const defects = knownDefects(version);
    if (defects.length === 0 || this.#versions.has(version)) return;
    this.#versions.add(version);
    this.#options.logger.warn(
      { endpoint, version },
      `etcd ${version} has known defects: ${defects.join('; ')}. Upgrade it to the newest patch release.`,
    );
  }
}
