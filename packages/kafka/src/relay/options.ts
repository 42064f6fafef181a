import { type Logger, systemTiming, type Timing, WatchError } from '@rollcall/core';
import { checkKnownOptions, optionNames } from '@rollcall/core/adapter';
import { guardedLogger, quote } from '@rollcall/core/internal';

export interface RelayOptions {
  /** What to listen on. Anything but a loopback address opens the brokers to whoever reaches it. Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, any that is free. */
  readonly port?: number;
  /** How long one broker may take, ms, to be connected to and, where there is something to verify, to answer. Default: 2000. */
  readonly dialTimeoutMs?: number;
  /**
   * How long a client waits, ms, while no broker of the list can be connected to; then it is reset. Clients that are
   * reset at once come back late. Default: 5000; 0 resets at once.
   */
  readonly holdMs?: number;
  /** Clients at once; more are refused. A client needs one while it bootstraps, and few keep it. Default: 200. */
  readonly maxConnections?: number;
  /** Told of each reason why a broker or a client could not be served, once per 30 s. Default: silent. */
  readonly logger?: Logger;
  /** Default: the system's. */
  readonly timing?: Timing;
}

const KNOWN = optionNames<RelayOptions>({
  host: true,
  port: true,
  dialTimeoutMs: true,
  holdMs: true,
  maxConnections: true,
  logger: true,
  timing: true,
});

export type CheckedRelayOptions = Required<RelayOptions>;

/** @throws WatchError INVALID_OPTION. */
export function checkedRelayOptions(options: RelayOptions): CheckedRelayOptions {
  checkKnownOptions('createRelay', options, KNOWN);
  const { host = '127.0.0.1', port = 0, dialTimeoutMs = 2000, maxConnections = 200, logger } = options;
  const { holdMs = 5000, timing = systemTiming } = options;
  if (typeof host !== 'string' || host === '') throw invalid('host', 'a host name or an address', host);
  if (!isWhole(port, 0) || port > 65535) throw invalid('port', 'a whole number from 0 to 65535', port);
  if (!isWhole(dialTimeoutMs, 1)) throw invalid('dialTimeoutMs', 'a whole number of ms, 1 or more', dialTimeoutMs);
  if (!isWhole(holdMs, 0)) throw invalid('holdMs', 'a whole number of ms, 0 or more', holdMs);
  if (!isWhole(maxConnections, 1)) throw invalid('maxConnections', 'a whole number, 1 or more', maxConnections);
  return { host, port, dialTimeoutMs, holdMs, maxConnections, logger: guardedLogger(logger), timing };
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isInteger(value) && (value as number) >= least;
}

function invalid(name: string, wanted: string, given: unknown): WatchError {
  return new WatchError('INVALID_OPTION', `"${name}" must be ${wanted}; it is ${quote(given)}.`);
}
