import { type Logger, systemTiming, type Timing, WatchError } from '@rollcall/core';
import { checkKnownOptions, optionNames } from '@rollcall/core/adapter';
import { guardedLogger, quote } from '@rollcall/core/internal';

export interface RelayOptions {
  /**
   * The host to listen on. Any but a loopback address opens the brokers to everybody who reaches it. Default:
   * 127.0.0.1.
   */
  readonly host?: string;
  /** The port; 0 for any that is free. Default: 0. */
  readonly port?: number;
  /** Time for one broker to accept and, if it is asked, to answer, ms. Default: 2000. */
  readonly dialTimeoutMs?: number;
  /**
   * How long a client waits while no broker can be connected to, ms; then it is reset. A client that is reset at once
   * comes back late. 0 resets at once. Default: 5000.
   */
  readonly holdMs?: number;
  /** The most clients at once; more are refused. A client needs a connection only while it bootstraps. Default: 200. */
  readonly maxConnections?: number;
  /** Gets a line for each reason why a broker or a client could not be served, once per 30 s. Default: silent. */
  readonly logger?: Logger;
  /** Clock, timers and randomness. Default: the system's. */
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
