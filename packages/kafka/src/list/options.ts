import { BrokerAddress, type Logger, type Timing, WatchError } from '@rollcall/core';
import { checkKnownOptions, optionNames } from '@rollcall/core/adapter';
import { quote } from '@rollcall/core/internal';
import type { Gate, GateOptions } from '../gate/types.js';
import { bootstrapServers, type OrderOptions } from './order.js';

/**
 * Without `allow`, `clusterId` and `probe` the list contains whatever the registry names, so whoever can write to the
 * registry can redirect the clients.
 */
export interface BrokerListOptions extends GateOptions, OrderOptions {
  /**
   * The listener to take of each broker, by name or protocol, in any case: `SASL_SSL`, `EXTERNAL`. A broker that states
   * neither is taken, too. Set it if clients can reach only one network: then the registry cannot change which listener
   * is taken. CONTROLLER, REPLICATION, INTERBROKER and BROKER are taken only if they are named here. Default: the
   * listener and protocol that most brokers offer; of two offered equally often, the first of PLAINTEXT, SSL,
   * SASL_PLAINTEXT, SASL_SSL.
   */
  readonly listener?: string;
  /**
   * Asks each broker for its cluster (ApiVersions, Metadata) before it is listed, with `tls` and `sasl` if they are
   * given. A broker of another cluster, or one that advertises an address outside `allow`, is left out. A broker that
   * does not answer is left out until it does, unless it was listed before. Without `clusterId` the id is learned once
   * more than half of the allowed addresses have the same one and none has another. Default: on with `clusterId`, else
   * off.
   *
   * Up to 8 new and 8 known brokers are asked at a time. A known one is asked again after a change of the registry, at
   * the earliest 30 s after its last good answer. `timeoutMs` (default 2000) is for one broker; a list waits for new
   * brokers at most twice as long.
   *
   * A hostile broker can claim any cluster id. Only `tls` and `allow` together decide who may answer.
   */
  readonly probe?: boolean | { readonly timeoutMs?: number };
  /**
   * The fewest brokers that a list must have. With fewer, the last good list stays and the status is `stale`. Default:
   * 1.
   */
  readonly minBrokers?: number;
  /**
   * The list to use until the registry gives one: after the first failed attempt to reach it, or if it names too few
   * brokers. These brokers are not asked for their cluster.
   */
  readonly fallback?: readonly string[];
  /**
   * Quiet period, ms: a change is published once nothing has changed for this long, so that a flapping key is one
   * change. Default: 200.
   */
  readonly quietMs?: number;
  /** The longest time that quiet periods may hold a change back, ms. Default: 2000. */
  readonly maxQuietMs?: number;
  /**
   * If a resync removes more than half of the keys, and at least 3, keeps them until a second full read confirms it.
   * Default: on.
   */
  readonly guard?: boolean;
  /** Gets a line for every value that cannot be used and every list that is not followed. Default: silent. */
  readonly logger?: Logger;
  /** Clock, timers and randomness. Default: the system's. */
  readonly timing?: Timing;
}

/** The names of all options. */
const KNOWN = optionNames<BrokerListOptions>({
  tls: true,
  sasl: true,
  allow: true,
  clusterId: true,
  shuffle: true,
  limit: true,
  listener: true,
  probe: true,
  minBrokers: true,
  fallback: true,
  quietMs: true,
  maxQuietMs: true,
  guard: true,
  logger: true,
  timing: true,
});

const QUIET_MS = 200;
const MAX_QUIET_MS = 2000;

/** Default time for one broker's answer, ms. */
const PROBE_MS = 2000;

/** A listener's name, in Kafka's configuration and before an address. */
const LISTENER = /^[a-z][a-z0-9_.+-]*$/i;

/** The checked options that decide what is listed. */
export interface BrokerListPolicy {
  readonly minBrokers: number;
  /** Checked by the watcher, which applies them. */
  readonly quietMs: number;
  readonly maxQuietMs: number;
  readonly fallback: readonly string[] | undefined;
  readonly listener: string | undefined;
  readonly order: OrderOptions;
  /** Time for one broker's answer, ms; undefined if brokers are not asked. */
  readonly probeMs: number | undefined;
}

/**
 * Refuses unknown options, and SASL PLAIN without `allow`.
 * @throws WatchError INVALID_OPTION that names the option.
 */
export function checkOptions(options: BrokerListOptions): void {
  checkKnownOptions('brokerList', options, KNOWN);
  const { clusterId, probe = clusterId !== undefined, allow, sasl } = options;
  const asks = probe !== false || clusterId !== undefined;
  if (asks && allow === undefined && sasl?.mechanism === 'plain') {
    throw invalid(
      '"sasl.mechanism" plain gives the password to every broker that the registry names; say by "allow" which hosts may have it, and give "tls".',
    );
  }
}

/** @throws WatchError INVALID_OPTION that names the option. */
export function checkedPolicy(options: BrokerListOptions, gate: Pick<Gate, 'refusal'>): BrokerListPolicy {
  const { minBrokers = 1, quietMs = QUIET_MS, maxQuietMs = Math.max(MAX_QUIET_MS, quietMs) } = options;
  const { fallback, listener, shuffle, limit, clusterId, probe = clusterId !== undefined } = options;
  checkCount('minBrokers', minBrokers);
  if (limit !== undefined) {
    checkCount('limit', limit);
    if (limit < minBrokers) throw invalid(`"limit" is ${limit}, less than "minBrokers", ${minBrokers}; raise it.`);
  }
  if (shuffle !== undefined && typeof shuffle !== 'string' && !Number.isFinite(shuffle)) {
    throw invalid(`"shuffle" must be a seed, a number or text; it is ${quote(shuffle)}.`);
  }
  if (listener !== undefined && !(typeof listener === 'string' && LISTENER.test(listener))) {
    throw invalid(`"listener" must be a listener's name or a protocol, as SASL_SSL; it is ${quote(listener)}.`);
  }
  return {
    minBrokers,
    quietMs,
    maxQuietMs,
    fallback: fallback && checkedFallback(fallback, gate),
    listener,
    order: { ...(shuffle !== undefined && { shuffle }), ...(limit !== undefined && { limit }) },
    probeMs: checkedProbe(probe),
  };
}

function checkedProbe(probe: boolean | { readonly timeoutMs?: number }): number | undefined {
  if (typeof probe === 'boolean') return probe ? PROBE_MS : undefined;
  checkKnownOptions('"probe"', probe, ['timeoutMs']);
  const { timeoutMs = PROBE_MS } = probe;
  if (Number.isFinite(timeoutMs) && timeoutMs > 0) return timeoutMs;
  throw invalid(`"probe.timeoutMs" must be a time above 0, in ms; it is ${quote(timeoutMs)}.`);
}

function checkedFallback(fallback: readonly string[], gate: Pick<Gate, 'refusal'>): readonly string[] {
  if (!Array.isArray(fallback)) throw invalid('"fallback" must be a list of addresses, as ["kafka-1:9092"].');
  if (fallback.length === 0) throw invalid('"fallback" names no broker; leave it out or give at least one.');
  const addresses = fallback.map((text, at): BrokerAddress => {
    try {
      return BrokerAddress.parse(text);
    } catch (error) {
      const why = (error as Error).message;
      throw new WatchError('INVALID_OPTION', `"fallback[${at}]" is not a broker's address: ${why}.`, { cause: error });
    }
  });
  for (const [at, address] of addresses.entries()) {
    if (gate.refusal(address) === undefined) continue;
    throw invalid(`"fallback[${at}]" is not in "allow"; add it there.`);
  }
  return bootstrapServers(addresses);
}

function checkCount(name: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw invalid(`"${name}" must be a whole number, 1 or more; it is ${quote(count)}.`);
}

function invalid(message: string): WatchError {
  return new WatchError('INVALID_OPTION', message);
}
