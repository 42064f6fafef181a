import type { Logger } from '@rollcall/core';
import { type DialBoard, Pool } from '@rollcall/core/internal';
import { knownDefects, type ServerVersion } from '../rpc/version.js';
import type { EtcdConnection, EtcdConnectionOptions, ServerEvents } from './connection.js';

export interface ClusterOptions extends EtcdConnectionOptions {
  readonly logger: Logger;
  readonly dials?: DialBoard;
}

/**
 * The endpoints of one cluster, with a connection to each that is in use; normally one.
 * @param endpoints `host:port`, at least one.
 * @param proofEveryMs time between two proofs of a watch, ms.
 */
export function clusterOf(
  endpoints: readonly string[],
  proofEveryMs: number,
  options: ClusterOptions,
): Pool<EtcdConnection> {
  const events = warnings(options.logger);
  return new Pool<EtcdConnection>({
    endpoints,
    timing: options.timing,
    dials: options.dials,
    scheme: options.secure ? 'etcds' : 'etcd',
    open: async (endpoint) => {
      // Loading gRPC takes 50 ms: a program that only names this adapter does not pay for it.
      const { EtcdConnection } = await import('./connection.js');
      return new EtcdConnection(endpoint, proofEveryMs, options, events);
    },
    dial: (connection, signal) => connection.dial(signal),
  });
}

/** Warns of known defects of a server's version, once for each version and reason. */
function warnings(logger: Logger): ServerEvents {
  const told = new Set<string>();
  const once = (what: string, tell: () => void): void => {
    if (told.has(what)) return;
    told.add(what);
    tell();
  };
  return {
    onVersion: (version: ServerVersion, endpoint) => {
      const defects = knownDefects(version);
      if (defects.length === 0) return;
      once(version, () =>
        logger.warn(
          { endpoint, version },
          `etcd ${version} has known defects: ${defects.join('; ')}. Upgrade it to the newest patch release.`,
        ),
      );
    },
    onProvenByReads: (why, endpoint) => {
      once(why, () => logger.info({ endpoint }, `Quiet watches of etcd at ${endpoint} are proven by reads: ${why}.`));
    },
  };
}
